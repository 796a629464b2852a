"""Generated gestures: the same for a seed, on the side and in the sense that their names say, and as a camera would see them."""

from __future__ import annotations

import numpy as np
import pytest

from tfsnn.errors import InputError
from tfsnn.input.dvs_gesture import CLASSES
from tfsnn.input.generated import Camera, gesture
from tfsnn.input.recording import Recording

QUIET = Camera(32, 32, noise=0.0)


def centre(recording: Recording) -> float:
    return float(recording.x.mean() / (recording.width - 1))


def test_a_seed_is_a_recording() -> None:
    one, same, other = (gesture(0, seed, 100_000, QUIET) for seed in (3, 3, 4))
    for name in "txyp":
        np.testing.assert_array_equal(getattr(one, name), getattr(same, name))
    assert len(one) != len(other)


@pytest.mark.parametrize("label", range(len(CLASSES)))
def test_every_gesture_moves_for_as_long_as_it_lasts(label: int) -> None:
    recording = gesture(label, 1, 320_000, QUIET)
    assert len(recording) > 100 and 0 <= recording.t[0] and 280_000 < recording.t[-1] < 320_000
    assert 0.3 < recording.p.mean() < 0.7


@pytest.mark.parametrize("seed", range(4))
def test_the_right_arm_is_on_the_left_of_the_picture(seed: int) -> None:
    for kind in ("hand wave", "arm clockwise", "arm counter clockwise"):
        right, left = (centre(gesture(CLASSES.index(f"{side} {kind}"), seed, 600_000, QUIET)) for side in ("right", "left"))
        assert right < 0.5 < left


@pytest.mark.parametrize("seed", range(3))
def test_clockwise_is_clockwise(seed: int) -> None:
    turns = []
    for name in ("right arm clockwise", "right arm counter clockwise"):
        recording = gesture(CLASSES.index(name), seed, 400_000, QUIET)
        windows = [recording.between(t, t + 40_000) for t in range(0, 400_000, 40_000)]
        path = np.array([[w.x.mean(), w.y.mean()] for w in windows]) - [recording.x.mean(), recording.y.mean()]
        turns.append(np.sum(path[:-1, 0] * path[1:, 1] - path[:-1, 1] * path[1:, 0]))
    # With rows that count downwards, a positive turn goes with the clock.
    assert turns[0] > 0 > turns[1]


def test_nothing_is_sent_within_the_refractory_time() -> None:
    recording = gesture(7, 0, 200_000, Camera(32, 32, noise=0.0, refractory=5_000))
    pixel = recording.y * 32 + recording.x
    order = np.lexsort((recording.t, pixel))
    same = np.diff(pixel[order]) == 0
    assert np.diff(recording.t[order])[same].min() >= 5_000
    assert len(recording) < len(gesture(7, 0, 200_000, Camera(32, 32, noise=0.0, refractory=0)))


def test_noise_comes_at_its_rate_and_lower_thresholds_send_more() -> None:
    quiet, noisy = (len(gesture(1, 0, 400_000, Camera(32, 32, noise=noise))) for noise in (0.0, 20.0))
    assert abs(noisy - quiet - 20 * 1024 * 0.4) < 500
    assert len(gesture(1, 0, 400_000, Camera(32, 32, threshold=0.1, noise=0.0))) > 1.5 * quiet


@pytest.mark.parametrize("call", [lambda: gesture(11, 0), lambda: gesture(-1, 0)])
def test_labels_that_are_not_there(call: object) -> None:
    with pytest.raises(InputError, match="generated gestures: label is -?1+; choose 0 to 10"):
        call()  # type: ignore[operator]


def test_recordings_without_a_frame() -> None:
    with pytest.raises(InputError, match="100 us in frames of 4000 us, 64x64 pixels; give at least one frame, and 8x8 pixels"):
        gesture(0, 0, 100)
