"""Colours of frames from OpenCV, and frames that are passed over are not decoded."""

from __future__ import annotations

import numpy as np
import pytest

from tfsnn.input.capture import captured, coloured
from tfsnn.input.framing import Framing

cv2 = pytest.importorskip("cv2")


class Source:
    """Five frames, each of its number; the fourth cannot be decoded."""

    def __init__(self) -> None:
        self.at, self.decoded = -1, 0

    def grab(self) -> bool:
        self.at += 1
        return self.at < 5

    def retrieve(self) -> tuple[bool, np.ndarray | None]:
        self.decoded += 1
        return self.at != 3, np.full((2, 2, 3), self.at, np.uint8)


def test_frames_left_out_are_not_decoded() -> None:
    source = Source()
    frames = [int(frame[0, 0, 0]) for frame in captured(source, Framing((2, 2), every=2))]
    assert frames == [0, 2, 4] and source.decoded == 3


def test_a_frame_that_cannot_be_decoded_ends_them() -> None:
    assert len(list(captured(Source(), Framing((2, 2))))) == 3


def test_colours() -> None:
    frame = np.array([[[10, 20, 30]]], np.uint8)
    assert coloured(frame, Framing((1, 1), "bgr")).tolist() == [[[10, 20, 30]]]
    assert coloured(frame, Framing((1, 1), "rgb")).tolist() == [[[30, 20, 10]]]
    assert coloured(frame, Framing((1, 1), "grey")).tolist() == [[[22]]]
