"""A data set reads each split once, when it is asked for, and asks for arrays by name where data can name them."""

from __future__ import annotations

import numpy as np

from tfsnn.input.dataset import Dataset, Ports, Split
from tfsnn.input.encoder import Encoder

PORTS = Ports((("input", (2,)),), ("output",))


def test_splits_are_read_once() -> None:
    asked: list[str] = []

    def read(split: str) -> Split:
        asked.append(split)
        return Split(np.zeros((1, 2)), None)

    data = Dataset("zeros", Encoder("graded"), read)
    assert data.split("test", PORTS).x is data.test.x and data.split("validation", PORTS).x is data.validation.x
    assert asked == ["test", "validation"] and data.train.y is None


def test_names_are_asked_for_where_there_are_such() -> None:
    plain, named = Split(np.zeros((1, 2)), None), Split({"input": np.ones((1, 2))}, None)
    data = Dataset("both", Encoder("graded"), lambda split: plain, lambda split, ports: named)
    assert data.test is plain and data.split("test", PORTS) is named


def test_parted() -> None:
    frames = Split(np.arange(20), np.arange(20) + 100)
    learnt, held = Dataset("numbers", Encoder("graded"), lambda split: frames).parted(5)
    assert sorted([*learnt.x, *held.x]) == list(range(20)) and len(held.x) == 5
    assert np.array_equal(held.y, held.x + 100) and np.array_equal(learnt.y, learnt.x + 100)
    assert held.x.tolist() == sorted(held.x) != [15, 16, 17, 18, 19]
    video = Dataset("video", Encoder("graded"), lambda split: frames, starts=lambda split: np.array([0]))
    assert video.parted(5)[1].x.tolist() == [15, 16, 17, 18, 19]
