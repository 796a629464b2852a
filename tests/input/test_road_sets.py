"""Generated drives by name: splits show different drives, in the order of their frames."""

from __future__ import annotations

import numpy as np
import pytest

from tfsnn.errors import InputError
from tfsnn.input.datasets import load
from tfsnn.input.framing import Framing
from tfsnn.input.road import Drive, Scene
from tfsnn.input.road_sets import PARTS, SCENES, drives_at, read_road, road_starts, steering_range


def test_frames_are_those_of_the_drives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PARTS, "road_small", {"train": PARTS["road_small"]["train"]._replace(drives=2, frames=5)})
    x, y = read_road("road_small", "train")
    assert x.shape == (10, 33, 100, 3) and x.dtype == np.uint8 and y.dtype == np.float32
    assert road_starts("road_small", "train").tolist() == [0, 5]
    wanted = list(Drive(1, Scene(33, 100)).frames(2.0, 5))
    np.testing.assert_array_equal(x[5:], [frame for frame, _ in wanted])
    np.testing.assert_allclose(y[5:], [steering for _, steering in wanted], rtol=1e-6)


def test_drives_at_another_rate() -> None:
    fast, _ = drives_at("road_small", "test", 2, 40.0, 5)
    slow, _ = drives_at("road_small", "test", 2, 10.0, 2)
    np.testing.assert_array_equal(fast[0][::4], slow[0])
    noisy, _ = drives_at("road_small", "test", 2, 10.0, 2, noise=3.0)
    assert 2 < np.std(noisy[0].astype(float) - slow[0]) < 4
    steering = read_road("road_small", "test")[1]
    assert steering_range("road_small", "test") == pytest.approx(float(np.ptp(steering)), rel=1e-5)


@pytest.mark.parametrize("name", sorted(SCENES))
def test_by_name(name: str) -> None:
    found = load(name)
    assert found.framing == Framing(SCENES[name].size, "rgb") and found.encoder.kind == "delta"
    train, test = PARTS[name]["train"], PARTS[name]["test"]
    seeds = [set(range(part.seed, part.seed + part.drives)) for part in (train, test)]
    assert not seeds[0] & seeds[1]
    starts = found.recordings("test")
    assert starts is not None and starts.tolist() == [test.frames * i for i in range(test.drives)]


def test_no_validation() -> None:
    with pytest.raises(InputError, match="data set road: has no validation split; there are train and test"):
        load("road").recordings("validation")
