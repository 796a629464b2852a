"""The options about frames: what they mean together with the input's shape, and with what an artifact holds."""

from __future__ import annotations

import argparse

import pytest

from tfsnn.errors import InputError
from tfsnn.input.framing import Framing
from tfsnn.input.framing_options import (
    add_framing_arguments,
    chosen_framing,
    framing_given,
    framing_words,
    video_source,
)


def parsed(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_framing_arguments(parser)
    return parser.parse_args(words)


def test_defaults_follow_the_input() -> None:
    assert chosen_framing(parsed(), (66, 200, 3)) == Framing((66, 200), "rgb")
    assert chosen_framing(parsed(), (28, 28, 1)) == Framing((28, 28), "grey")
    assert not framing_given(parsed()) and framing_given(parsed("--every", "1"))


def test_what_is_given_goes_over_what_is_stored() -> None:
    stored = Framing((66, 200), "bgr", (0.25, 0, 0, 0), "area", 3)
    args = parsed("--crop", "0.5,0,0.25,0", "--every", "2")
    assert chosen_framing(args, (66, 200, 3), stored) == Framing((66, 200), "bgr", (0.5, 0, 0.25, 0), "area", 2)
    assert chosen_framing(parsed(), (66, 200, 3), stored) == stored
    again = parsed(*framing_words(args))
    assert vars(again) == vars(args)


@pytest.mark.parametrize(
    ("words", "shape", "message"),
    [
        ((), (784,), r"a video cannot feed an input of shape \(784,\); it takes \(height, width, channels\) with 1 or 3 channels"),
        ((), (None, None, 3), "a video cannot feed an input of shape"),
        ((), (4, 4, 2), "a video cannot feed an input of shape"),
        (("--colour", "grey"), (4, 4, 3), "--colour grey gives 1 channels; the network's input takes 3"),
        (("--crop", "a,b"), (4, 4, 3), "--crop 'a,b'; give four shares, of top, left, bottom and right"),
        (("--crop", "0,1"), (4, 4, 3), "framing: crop is"),
    ],
)
def test_refuses(words: tuple[str, ...], shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(InputError, match=message):
        chosen_framing(parsed(*words), shape)


def test_video_source() -> None:
    assert video_source("12") == 12 and video_source("12.mp4") == "12.mp4"
