"""A training that is stopped goes on after its last epoch, and ends with the weights of one that nobody stopped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.train_parts import recipe, write_bars
from tfsnn.input.datasets import load
from tfsnn.stage.provenance import set_seed
from tfsnn.train import run
from tfsnn.train.checkpoint import Checkpoint
from tfsnn.train.fit import Trainer
from tfsnn.train.networks import build


def weights(path: Path) -> dict[str, NDArray[Any]]:
    found = {}
    with h5py.File(path) as file:
        file["model_weights"].visititems(lambda name, item: found.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None)
    return found


def stopped(monkeypatch: pytest.MonkeyPatch, epoch: int) -> None:
    """Trainings stop in the middle of an epoch, counted from 0."""
    whole = Trainer.epoch

    def half(trainer: Trainer) -> Any:
        for step, loss in enumerate(whole(trainer)):
            if trainer.done > epoch * trainer.steps + trainer.steps // 2:
                raise KeyboardInterrupt("stop")
            yield loss

    monkeypatch.setattr(Trainer, "epoch", half)


def unfinished(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.name.startswith(".tfsnn-"))


Capture = pytest.CaptureFixture[str]


def test_what_goes_on_ends_with_the_same_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    chosen = replace(recipe(write_bars(tmp_path / "bars.npz")), epochs=3)
    whole = run.train(chosen, tmp_path / "whole")
    with monkeypatch.context() as patch:
        stopped(patch, 2)
        with pytest.raises(KeyboardInterrupt, match="stop"):
            run.train(chosen, tmp_path / "out")
    assert len(unfinished(tmp_path)) == 1 and not (tmp_path / "out").exists()
    capsys.readouterr()
    report = run.train(chosen, tmp_path / "out")
    assert "train bars: goes on after epoch 2 of 3, where it was stopped" in capsys.readouterr().err
    assert report["resumed_after_epoch"] == 2 and "resumed_after_epoch" not in whole
    assert report["history"] == whole["history"] and report["test"] == whole["test"]
    first, second = weights(tmp_path / "whole" / "model.h5"), weights(tmp_path / "out" / "model.h5")
    assert first.keys() == second.keys() and all(np.array_equal(first[name], second[name]) for name in first)
    assert unfinished(tmp_path) == []


def test_trainings_side_by_side_keep_apart(tmp_path: Path) -> None:
    # Neither directory is there yet.
    one, two = (Checkpoint(tmp_path / folder / "train", "same").path for folder in ("one", "two"))
    assert one != two and one.parent == two.parent == tmp_path


@pytest.mark.parametrize(
    "change",
    [
        lambda path: path.write_bytes(path.read_bytes()[:1000]),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"PK" + path.read_bytes()[2:300]),
    ],
)
def test_a_damaged_checkpoint_is_not_used(tmp_path: Path, change: Callable[[Path], object]) -> None:
    chosen = recipe(write_bars(tmp_path / "bars.npz"))
    dataset = load(chosen.dataset)
    learnt, _ = run._splits(chosen, dataset)

    def fresh() -> Trainer:
        set_seed(0, tensorflow=True)
        return Trainer(build(chosen.network, learnt.x.shape[1:], 4), chosen, learnt, dataset.encoder, 0)

    kept = Checkpoint(tmp_path / "out", "one")
    trainer = fresh()
    trainer.done = 7
    kept.save(trainer, {"loss": [0.5]})
    assert Checkpoint(tmp_path / "out", "another").restored(fresh()) == {}
    again = fresh()
    assert kept.restored(again) == {"loss": [0.5]} and again.done == 7
    change(kept.path)
    untouched = fresh()
    assert kept.restored(untouched) == {} and untouched.done == 0
    kept.remove()
    kept.remove()
    assert unfinished(tmp_path) == []
