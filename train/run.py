"""A recipe becomes model.h5, train.json and training.png.

Nothing but the recipe decides the model: the held-out images only show progress, and the test images are scored once, when the
weights are final.
"""

from __future__ import annotations

import json
import logging
import os
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from tfsnn.aliases import PathLike
from tfsnn.errors import InputError
from tfsnn.input.dataset import Dataset, Split
from tfsnn.input.datasets import load
from tfsnn.stage.output import guard, replacing, write_json
from tfsnn.stage.provenance import circumstances, digest, provenance, set_seed, sha256
from tfsnn.stage.terminal import announce, progress, table

from .checkpoint import Checkpoint, History
from .fit import Error, Score, Trainer
from .networks import build
from .plots import training_curves
from .recipes import Recipe, Steering, find


def train(
    recipe: str | Recipe,
    out: PathLike,
    *,
    data: PathLike | None = None,
    data_dir: PathLike | None = None,
    epochs: int | None = None,
    seed: int = 0,
    force: bool = False,
) -> dict[str, Any]:
    """Train a model, and write ``model.h5``, ``train.json`` and ``training.png``.

    Parameters
    ----------
    recipe
        A recipe, or the name of one.
    out
        The directory to write into.
    data
        The data set by name, or its file or folder, if not the recipe's.
    data_dir
        Where tensorflow-datasets keeps its data.
    epochs
        Passes over the training images, if not the recipe's.
    seed
        Of everything that is drawn. The same seed gives the same weights, on the same machine with the same versions.
    force
        Overwrite what exists.

    Returns
    -------
    dict
        What ``train.json`` holds.
    """
    recipe = find(recipe) if isinstance(recipe, str) else recipe
    if epochs is not None:
        if epochs < 1:
            raise InputError(f"train: {epochs} epochs; at least 1 is needed")
        recipe = replace(recipe, epochs=epochs)
    if data is not None:
        recipe = replace(recipe, dataset=os.fspath(data))
    out = guard(out, force, directory=True, names=("model.h5", "train.json", "training.png"))
    dataset = load(recipe.dataset, data_dir)
    learnt, held = _splits(recipe, dataset)
    classes = _classes(recipe, dataset)
    _need_tensorflow()
    set_seed(seed, tensorflow=True)
    start = time.perf_counter()
    model = build(recipe.network, learnt.x.shape[1:], classes)
    trainer = Trainer(model, recipe, learnt, dataset.encoder, seed)
    described = _described(recipe, dataset, seed)
    checkpoint = Checkpoint(out, {name: described[name] for name in ("seed", "versions", "recipe", "encoder", "dataset")})
    history, resumed = _epochs(trainer, recipe, held, checkpoint)
    trainer.finish()
    report = described | {
        "validation": asdict(trainer.score(held)),
        "test": asdict(trainer.score(dataset.test)),
        "history": history,
        "seconds": round(time.perf_counter() - start, 1),
    }
    if resumed:
        report["resumed_after_epoch"] = resumed
    with replacing(out, directory=True, fresh=not force) as place:
        _save(model, report, place / "model.h5")
        report["sha256"] = {"model.h5": sha256(place / "model.h5")}
        training_curves(report, place / "training.png")
        write_json(place / "train.json", report)
    checkpoint.remove()
    return report


def summary(report: dict[str, Any]) -> str:
    """The result as a table.

    Parameters
    ----------
    report
        What :func:`train` returned.
    """
    threshold = report["recipe"]["threshold"]
    measure = "rmse" if "rmse" in report["test"] else "accuracy"
    scale, shown = (1, "{:.4f}") if measure == "rmse" else (100, "{:.2f} %")
    headers = ["split", "images", measure, f"{measure} at T = {threshold:g}", "spikes/neuron", "operations"]
    rows = [
        [
            split,
            report["dataset"]["images"][split],
            shown.format(scale * score[measure]),
            shown.format(scale * score[f"silenced_{measure}"]),
            f"{score['spikes_per_neuron']:.4f}",
            f"{score['synaptic_operations']:,.0f}",
        ]
        for split, score in (("validation", report["validation"]), ("test", report["test"]))
    ]
    return table(headers, rows)


def _need_tensorflow() -> None:
    from keras import backend

    if backend.backend() != "tensorflow":
        raise InputError(f"train: Keras runs on {backend.backend()}, the recipes need TensorFlow; set KERAS_BACKEND=tensorflow")


def _splits(recipe: Recipe, dataset: Dataset) -> tuple[Split, Split]:
    """The images to learn from, and those held out."""
    x, y = dataset.train
    if dataset.test.x.shape[1:] != x.shape[1:] or x.ndim != 4:
        raise InputError(
            f"data set {dataset.name}: training images {x.shape[1:]}, test images {dataset.test.x.shape[1:]}; "
            "both must be (height, width, channels)"
        )
    if digest(*dataset.train) == digest(*dataset.test):
        raise InputError(f"data set {dataset.name}: training and test split are the same; give train_x, train_y, test_x and test_y")
    count = _held_out(recipe, dataset)
    if not 0 < count < len(y):
        raise InputError(f"recipe {recipe.name}: validation takes {count} of {len(y)} training images; each needs at least 1")
    return dataset.parted(count)


def _held_out(recipe: Recipe, dataset: Dataset) -> int:
    share = recipe.validation
    return max(1, round(share * len(dataset.train.y))) if 0 < share < 1 else int(share)


def _classes(recipe: Recipe, dataset: Dataset) -> int:
    """Outputs that the data ask for."""
    y, numbers = dataset.train.y, isinstance(recipe.network, Steering)
    if numbers and (y.dtype.kind != "f" or y.ndim != 1 or np.abs(y).max() > 1):
        raise InputError(
            f"data set {dataset.name}: labels are {y.dtype} of shape {y.shape}, from {y.min():g} to {y.max():g}; recipe {recipe.name} "
            "learns one number a frame, from -1 to 1: take data of steering, such as road"
        )
    if not numbers and y.dtype.kind != "i":
        raise InputError(f"data set {dataset.name}: labels are numbers to be met; recipe {recipe.name} learns classes: try pilotnet")
    return 1 if numbers else int(y.max()) + 1


def _epochs(trainer: Trainer, recipe: Recipe, held: Split, checkpoint: Checkpoint) -> tuple[History, int]:
    """Train, each epoch kept: the scores of all epochs, and after which one it went on if it had been stopped."""
    history = checkpoint.restored(trainer)
    resumed = trainer.done // trainer.steps
    if resumed:
        announce(f"train {recipe.name}: goes on after epoch {resumed} of {recipe.epochs}, where it was stopped")
    bar = progress(range(trainer.done, trainer.steps * recipe.epochs), f"train {recipe.name}")
    ticks = iter(bar)
    for epoch in range(resumed + 1, recipe.epochs + 1):
        loss = float(np.mean([float(missed) for missed, _ in zip(trainer.epoch(), ticks)]))
        if not np.isfinite(loss):
            raise InputError(f"recipe {recipe.name}: the loss is {loss} in epoch {epoch}; lower its learning_rate")
        with trainer.averaged():
            score = trainer.score(held)
        for name, value in {"loss": loss, **asdict(score)}.items():
            history.setdefault(name, []).append(value)
        checkpoint.save(trainer, history)
        bar.note(f"epoch {epoch}/{recipe.epochs}, validation {_in_words(score)}")
    # The bar closes when it is asked for one more.
    next(ticks, None)
    return history, resumed


def _in_words(score: Score | Error) -> str:
    return f"rmse {score.rmse:.4f}" if isinstance(score, Error) else f"{100 * score.accuracy:.2f} %"


def _described(recipe: Recipe, dataset: Dataset, seed: int) -> dict[str, Any]:
    """Everything that is known before the training begins."""
    held = _held_out(recipe, dataset)
    images = {"training": len(dataset.train.y) - held, "validation": held, "test": len(dataset.test.y)}
    framing = {} if dataset.framing is None else {"framing": dataset.framing.to_json()}
    return {
        "format": "tfsnn-training",
        "format_version": 1,
        **provenance("train", seed, {}),
        **circumstances(),
        "recipe": {**asdict(recipe), "dataset": _plain_name(recipe)},
        "encoder": dataset.encoder.to_json(),
        **framing,
        "dataset": {
            "name": _plain_name(recipe),
            "images": images,
            "sha256": {"train": digest(*dataset.train), "test": digest(*dataset.test)},
        },
    }


def _save(model: Any, report: dict[str, Any], path: Path) -> None:
    """Write the Keras model, with what other stages need to know in the attribute ``tfsnn``."""
    import h5py

    logger = logging.getLogger("absl")
    level = logger.level
    # Keras advises against h5, which is what this project reads.
    logger.setLevel(logging.ERROR)
    try:
        model.save(path)
    finally:
        logger.setLevel(level)
    known = {
        "encoder": report["encoder"],
        **({"framing": report["framing"]} if "framing" in report else {}),
        "dataset": report["dataset"]["name"],
        "recipe": report["recipe"]["name"],
        "threshold": report["recipe"]["threshold"],
        "seed": report["seed"],
        "versions": report["versions"],
    }
    with h5py.File(path, "r+") as file:
        file.attrs["tfsnn"] = json.dumps(known)


def _plain_name(recipe: Recipe) -> str:
    return Path(recipe.dataset).name
