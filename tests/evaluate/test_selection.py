"""The threshold is chosen on frames that are not tested, where there are such; and it is the cheapest that is as good."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.evaluate_parts import DELAY, dataset, net, prepared
from tfsnn.errors import InputError
from tfsnn.evaluate.selection import cheapest, held_out, select
from tfsnn.evaluate.training import Training
from tfsnn.input.dataset import Dataset, Split
from tfsnn.plan.make import make
from tfsnn.plan.settings import Settings
from tfsnn.stage.provenance import digest


def split_in_two(seed: int = 3) -> Dataset:
    """Other frames to choose on than to test on."""
    x = np.random.default_rng(seed).integers(0, 5, (3000, 3, 3, 1)).astype(np.uint8)
    train, test = Split(x, np.arange(3000) % 2), dataset().test
    return Dataset("dots", DELAY, lambda name: train if name == "train" else test)


def test_chosen_on_the_training_split_where_there_is_one() -> None:
    found = held_out(net(), split_in_two(), prepared(), None, 3)
    assert found is not None and (found.split, found.samples, found.available) == ("train", 2000, 3000)
    assert np.array_equal(found.raw["in"][-1], split_in_two().train.x[-1])


@pytest.mark.parametrize(("split", "thresholds"), [("test", 3), (None, 1)])
def test_nothing_to_choose_elsewhere(split: str | None, thresholds: int) -> None:
    assert held_out(net(), split_in_two(), prepared(), split, thresholds) is None


def test_one_split_serves_for_both() -> None:
    assert held_out(net(), dataset(), prepared(), None, 3) is None
    with pytest.raises(InputError, match=r"the train split of dots holds the frames that are tested; give it frames of its own \(x_train"):
        held_out(net(), dataset(), prepared(), "train", 3)


def test_a_training_split_without_labels() -> None:
    images = Dataset("dots", DELAY, lambda name: Split(split_in_two().train.x, None) if name == "train" else dataset().test)
    assert held_out(net(), images, prepared(), None, 3) is None
    with pytest.raises(InputError, match="dots holds no labels; add y_train"):
        held_out(net(), images, prepared(), "train", 3)


def test_chosen_on_a_validation_split() -> None:
    three = Dataset("dots", DELAY, lambda name: {"validation": split_in_two().train}.get(name, dataset().test))
    found = held_out(net(), three, prepared(), "validation", 3)
    assert found is not None and (found.split, found.samples) == ("validation", 2000)


@pytest.mark.parametrize("split", [None, "held-out"])
def test_chosen_on_what_the_training_held_out(split: str | None) -> None:
    data = split_in_two()
    found = held_out(net(), data, prepared(), split, 3, training=Training(100, digest(*data.train)))
    assert found is not None and (found.split, found.samples) == ("held-out", 100)
    assert np.array_equal(found.raw["in"], data.parted(100)[1].x)


def test_a_training_on_other_data_says_nothing() -> None:
    other = Training(100, digest(*split_in_two(4).train))
    found = held_out(net(), split_in_two(), prepared(), None, 3, training=other)
    assert found is not None and found.split == "train"
    for training in (None, other):
        with pytest.raises(InputError, match="held out is known of a network that tfsnn train trained on dots, with train.json"):
            held_out(net(), split_in_two(), prepared(), "held-out", 3, training=training)


def test_an_unknown_split() -> None:
    with pytest.raises(InputError, match="evaluate: select_on is 'luck'; choose one of train, validation, held-out, test"):
        held_out(net(), split_in_two(), prepared(), "luck", 3)


def test_every_threshold_is_tried() -> None:
    workload, seen = prepared(), list[int]()
    plans = [make(workload.graph, Settings(threshold, "absolute")) for threshold in (0.1, 0.5, 2.0)]
    found = select(workload, plans, seen.append)
    assert [row["threshold"] for row in found.rows] == [0.1, 0.5, 2.0] and sum(seen) == 36
    assert found.sha256 == workload.sha256 and found.samples == 12
    assert found.rows[0]["behind"] <= 0.1 and found.row == cheapest(found.rows, {}, "accuracy")[0]


def rows(*pairs: tuple[float, float]) -> list[dict[str, Any]]:
    return [{"behind": behind, "synaptic_operations": operations} for behind, operations in pairs]


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([(0.0, 300), (0.09, 200), (1.0, 100)], (1, True)),
        ([(0.0, 300), (0.1, 200), (-0.2, 250)], (1, True)),
        ([(4.0, 300), (2.0, 200), (40.0, 10)], (1, False)),
    ],
)
def test_cheapest(entries: list[tuple[float, float]], expected: tuple[int, bool]) -> None:
    assert cheapest(rows(*entries), {"accuracy": 0.99}, "accuracy") == expected


def test_cheapest_by_error() -> None:
    entries = [row | {"rmse": rmse} for row, rmse in zip(rows((0, 300), (0.5, 200), (10, 10)), (0.1, 0.105, 0.2))]
    assert cheapest(entries, {"rmse": 0.1}, "rmse") == (1, True)
    assert cheapest(entries[2:], {"rmse": 0.1}, "rmse") == (0, False)
