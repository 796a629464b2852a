"""The frames that a training held out are found by its record, and by that of no other training."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.train_parts import bars
from tfsnn.evaluate.training import Training, training_of
from tfsnn.input.dataset import Dataset, Split
from tfsnn.input.encoder import Encoder
from tfsnn.stage.provenance import digest, sha256

RECORD = {"format": "tfsnn-training", "dataset": {"images": {"validation": 40}, "sha256": {"train": "ab"}}}


def beside(folder: Path, record: Any) -> Training | None:
    """What is found beside a model with that record."""
    model = folder / "model.h5"
    model.write_bytes(b"model")
    if isinstance(record, dict):
        record = {"sha256": {"model.h5": sha256(model)}} | record
    (folder / "train.json").write_text(record if isinstance(record, str) else json.dumps(record))
    return training_of(model, sha256(model))


def test_record_beside_a_model(tmp_path: Path) -> None:
    assert beside(tmp_path, RECORD) == Training(40, "ab")


@pytest.mark.parametrize(
    "record",
    [
        *("", "[]", "no JSON", [1], {}),
        RECORD | {"format": "other"},
        RECORD | {"sha256": {"model.h5": "0" * 64}},
        RECORD | {"dataset": {"images": {"validation": None}, "sha256": {"train": "ab"}}},
    ],
)
def test_other_records(tmp_path: Path, record: Any) -> None:
    assert beside(tmp_path, record) is None


def test_no_record(tmp_path: Path) -> None:
    assert training_of(tmp_path / "model.h5", "") is None


def test_held_out_frames() -> None:
    train, test = bars(30, 0), bars(5, 1)
    data = Dataset("bars", Encoder("graded"), lambda name: train if name == "train" else test)
    found = Training(10, digest(*train)).held_out(data)
    assert found is not None and np.array_equal(found.train.x, data.parted(10)[1].x) and len(found.train.y) == 10


@pytest.mark.parametrize(("held", "labels"), [(10, False), (30, True), (0, True)])
def test_of_other_data(held: int, labels: bool) -> None:
    train = bars(30, 0)
    data = Dataset("bars", Encoder("graded"), lambda name: train if labels else Split(train.x, None))
    assert Training(held, digest(*train)).held_out(data) is None
    assert Training(10, digest(*bars(30, 2))).held_out(data) is None
