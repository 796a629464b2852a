"""A generated drive is the same at every frame rate, and its wheel follows the road that is seen."""

from __future__ import annotations

import numpy as np
import pytest

from tfsnn.errors import InputError
from tfsnn.input.road import Drive, Scene

SMALL = Scene(33, 100)


def frames(drive: Drive, rate: float, count: int) -> np.ndarray:
    return np.stack([frame for frame, _ in drive.frames(rate, count)]).astype(int)


def test_frame_rates_show_the_same_drive() -> None:
    slow, fast = frames(Drive(4, SMALL), 10, 3), frames(Drive(4, SMALL), 480, 97)
    np.testing.assert_array_equal(slow, fast[::48])
    later = next(Drive(4, SMALL).frames(10, 1, begin=0.2))
    np.testing.assert_array_equal(later[0], slow[2])
    assert later[1] == Drive(4, SMALL).steering(0.2)


def test_a_car_that_halts_sees_the_same() -> None:
    drive, halts = Drive(4, SMALL), [(1.0, 2.0)]
    found = [np.stack(part) for part in zip(*drive.frames(10.0, 40, halts=halts))]
    still = found[0][10:21]
    assert (still == still[0]).all() and not (found[0][21] == still[0]).all()
    # Half a second of the way was lost while it slowed down, a second while it stood, half a second as it drove off.
    np.testing.assert_array_equal(found[0][30:], np.stack([frame for frame, _ in drive.frames(10.0, 10, begin=1.0)]))
    assert found[1][15] == drive.steering(0.5)


def test_the_faster_the_frames_the_less_changes() -> None:
    changes = [np.abs(np.diff(frames(Drive(1, SMALL), rate, 8), axis=0)).mean() for rate in (10, 60, 480)]
    assert changes[0] > 2 * changes[1] > 4 * changes[2] > 0


def test_a_car_that_stands_sees_the_same() -> None:
    still = frames(Drive(2, Scene(33, 100, speed=0)), 10, 4)
    np.testing.assert_array_equal(still, np.broadcast_to(still[0], still.shape))


def test_noise_is_drawn_by_the_seed() -> None:
    clean, noisy = frames(Drive(2, SMALL), 10, 3), frames(Drive(2, Scene(33, 100, noise=2.0)), 10, 3)
    np.testing.assert_array_equal(noisy, frames(Drive(2, Scene(33, 100, noise=2.0)), 10, 3))
    assert (noisy - clean).std() == pytest.approx(2.0, abs=0.1) and np.any(noisy[0] - clean[0] != noisy[1] - clean[1])


def test_the_wheel_turns_to_where_the_road_goes() -> None:
    # The right edge of the road is the brightest of a row that shows what lies 12 m ahead; the middle of the lane is 1.75 m beside it.
    wheel, followed = [], []
    for seed in range(6):
        for frame, steering in Drive(seed, Scene(66, 200)).frames(1.0, 12):
            edge = 108.5 + int(np.argmax(frame[37, 108:176].astype(float).sum(1))) - 100
            aside = edge * 11.84 / Scene().focal - 1.75
            wheel.append(steering)
            followed.append(15 * np.arctan(2 * 2.7 * aside / 12**2) / np.pi)
    # In the sharpest bend the edge lies outside of the columns looked at.
    assert np.median(np.abs(np.array(wheel) - followed)) < 0.01 and np.corrcoef(wheel, followed)[0, 1] > 0.99
    assert np.std(wheel) > 0.05 and np.abs(wheel).max() < 1


def test_drives_differ() -> None:
    assert np.abs(frames(Drive(0, SMALL), 10, 1) - frames(Drive(1, SMALL), 10, 1)).mean() > 5


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"height": 8}, "frames of 8x200; give 16x16 to 4096x4096 pixels"),
        ({"speed": -1.0}, "-1 m/s, noise 0; give a speed from 0 to 100"),
        ({"noise": float("nan")}, "noise nan; give a speed from 0 to 100 and a noise from 0 to 255"),
    ],
)
def test_scenes_that_cannot_be(settings: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Scene(**settings)  # type: ignore[arg-type]


def test_no_rate() -> None:
    with pytest.raises(InputError, match="generated road: 0 frames a second; give a positive number up to a million"):
        next(Drive(0, SMALL).frames(0, 1))
