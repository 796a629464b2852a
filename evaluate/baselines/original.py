"""The user's own model: the first baseline, on raw samples as its user would give them, and on encoded frames.

Keras runs it. Where Keras cannot load the file, the network that ``tfsnn convert`` reads from it, in 16-bit weights, stands for it.
"""

from __future__ import annotations

import glob
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from tfsnn import artifact
from tfsnn.aliases import Array, Floats, PathLike
from tfsnn.artifact import Net
from tfsnn.bounded_json import loaded
from tfsnn.errors import FileError, InputError
from tfsnn.hdf5 import reader as h5
from tfsnn.input.encoder import Encoder
from tfsnn.keras_model.load import load_keras
from tfsnn.keras_model.tensors import answers
from tfsnn.network.graph import Graph
from tfsnn.stage.provenance import sha256

from ..training import Training, training_of
from ..workload import Workload
from .ann import dense_outputs

BATCH = 256
FAITHFUL_BITS = 16
TRIED, MARKEDLY = 500, 1.0
"""Frames on which it is tried how the model is fed, and by how many points the other way must be better."""
Progress = Callable[[int], object]


@dataclass(frozen=True, eq=False)
class Original:
    """The user's model, ready to run.

    Parameters
    ----------
    name, digest
        Of its file, and SHA-256.
    what
        Who runs it, in words.
    run
        From values (frames, \\*shape), one array for each input, to answers (frames, \\*shape), one for each output.
    keras
        The Keras model; None where Keras could not load it.
    trained_on
        The encoder whose frames it was trained on, as our train stage left it in the file; None: on values.
    known
        Whether it is the very file that the network was converted from.
    notes
        What a reader should know.
    as_they_are
        It takes raw numbers, not what the network's encoder makes of them.
    training
        How it was trained, where our train stage left a record beside it.
    """

    name: str
    digest: str
    what: str
    run: Callable[[Sequence[Array]], Sequence[Array]]
    keras: Any = None
    trained_on: Encoder | None = None
    known: bool = True
    notes: tuple[str, ...] = ()
    as_they_are: bool = False
    training: Training | None = None

    def values(self, graph: Graph, raw: Mapping[str, Array]) -> list[Array]:
        """What the model takes for raw samples: values without the encoder's grid, unless it was trained on an encoder's frames."""
        if self.as_they_are:
            return [np.asarray(raw[node.name], np.float32) for node in graph.inputs]
        if self.trained_on is not None:
            return [self.trained_on.frames(raw[node.name]) for node in graph.inputs]
        return [node.encoder.exact(raw[node.name]) for node in graph.inputs]

    def on_raw(self, graph: Graph, raw: Mapping[str, Array], progress: Progress | None = None) -> dict[str, Floats]:
        """Answers to raw samples, float64 (frames, units) by output.

        Parameters
        ----------
        graph
            The network that the model became.
        raw
            (frames, \\*shape) by input.
        progress
            Called with the number of frames done, after each batch.
        """
        return self._answers(graph, raw, lambda part: self.values(graph, part), progress)

    def on_frames(self, graph: Graph, frames: Mapping[str, Array], progress: Progress | None = None) -> dict[str, Floats]:
        """Answers to frames as the encoders leave them, likewise; parameters as of :meth:`on_raw`."""
        return self._answers(graph, frames, lambda part: [part[node.name] for node in graph.inputs], progress)

    def _answers(
        self, graph: Graph, given: Mapping[str, Array], values: Callable[[Mapping[str, Array]], list[Array]], progress: Progress | None
    ) -> dict[str, Floats]:
        found: list[list[Floats]] = []
        for first in range(0, len(next(iter(given.values()))), BATCH):
            part = values({name: array[first : first + BATCH] for name, array in given.items()})
            parts = [np.asarray(answer, np.float64).reshape(len(part[0]), -1) for answer in self.run(part)]
            self._check(graph, parts)
            found.append(parts)
            if progress is not None:
                progress(len(part[0]))
        return {name: np.concatenate(parts) for name, parts in zip(graph.outputs, zip(*found))}

    def _check(self, graph: Graph, parts: Sequence[Floats]) -> None:
        wanted, units = [prod(graph[name].shape) for name in graph.outputs], [part.shape[1] for part in parts]
        if units != wanted:
            found = f"its outputs have {', '.join(map(str, units))} units, those of the network {', '.join(map(str, wanted))}"
            raise InputError(f"{self.name}: {found}; give the model that the network was converted from (--model)")


def original(net: Net, path: PathLike | None, model: PathLike | None) -> Original | None:
    """The user's model; None if it is not found and was not named.

    Parameters
    ----------
    net
        What it became.
    path
        Where that lies; the model is looked for beside it. None: nowhere.
    model
        Where the model lies, if the user says so.

    Raises
    ------
    FileError
        If the model that the user named is not there, or neither Keras nor tfsnn can read it.
    """
    if model is None:
        found = _beside(net, path)
        try:
            return None if found is None else _opened(net, *found)
        except FileError:
            # The user did not ask for it.
            return None
    if not Path(model).is_file():
        raise FileError(f"{model}: no such file; --model takes the Keras model that the network was converted from")
    return _opened(net, Path(model))


def as_it_is_fed(model: Original, workload: Workload) -> Original:
    """The model as its user must have fed it: on raw numbers as they are, where it is right more often there than on their values.

    Whether a user divides bytes by 255 stands in no file; with labels it shows.

    Parameters
    ----------
    model
        The user's model.
    workload
        Frames, and what is right for them.
    """
    encoders = [node.encoder for node in workload.graph.inputs]
    if model.trained_on is not None or all(encoder.scale == 1 and encoder.offset == 0 for encoder in encoders):
        return model
    some = np.linspace(0, workload.samples - 1, min(workload.samples, TRIED)).astype(np.int64)
    raw, plain = {name: values[some] for name, values in workload.raw.items()}, replace(model, as_they_are=True)
    name, task = next(iter(workload.tasks.items()))
    targets = workload.targets[name][some]
    scaled, better = (task.figures(each.on_raw(workload.graph, raw)[name], targets) for each in (model, plain))
    if not task.lost(scaled, better, targets) > MARKEDLY:
        return model
    found = ", ".join(f"{task.measure} {figures[task.measure]:.4g} on {what}" for figures, what in (
        (better, "raw numbers as they are"), (scaled, f"{encoders[0].scale:.6g} times these, which the network was converted for")
    ))  # fmt: skip
    return replace(plain, notes=(*model.notes, f"{model.name} has {found}: convert it again with --scale 1"))


def _opened(net: Net, file: Path, weights: Path | None = None) -> Original:
    digest, notes = sha256(file), list[str]()
    known = digest in dict(net.provenance.get("inputs") or {}).values()
    if not known:
        notes.append(f"{file.name} is not byte for byte the file that the network was converted from")
    of_file: dict[str, Any] = {"trained_on": _trained_on(file), "known": known, "training": training_of(file, digest) if known else None}
    try:
        keras = _by_keras(net, file, known, weights)
    except FileError as error:
        run = _forward(_read_again(net, file, weights).graph)
        notes.append(f"{error}: the network that tfsnn reads from the file, in {FAITHFUL_BITS}-bit weights, stands for it")
        return Original(file.name, digest, f"{file.name} as tfsnn reads it", run, notes=tuple(notes), **of_file)
    run = partial(answers, keras, batch=BATCH)
    return Original(file.name, digest, f"Keras, {file.name}", run, keras, notes=tuple(notes), **of_file)


def _by_keras(net: Net, file: Path, known: bool, weights: Path | None) -> Any:
    """The model, loaded and tried by Keras."""
    obstacle = net.verification.get("keras")
    if known and isinstance(obstacle, str):
        # Where convert could not compare it has said why: code in the file, kernels that Keras would read wrongly.
        raise FileError(obstacle.removeprefix("not compared: ").partition(";")[0])
    keras = load_keras(file, weights)
    answers(keras, [np.zeros((1, *node.shape), np.float32) for node in net.graph.inputs])
    return keras


def _beside(net: Net, path: PathLike | None) -> tuple[Path, Path | None] | None:
    """What the network was converted from, by name and SHA-256: the model, and its weights where they are a file of their own."""
    inputs = net.provenance.get("inputs")
    if path is None or not isinstance(inputs, Mapping) or not 1 <= len(inputs) <= 2:
        return None
    files = [_found(Path(path).resolve().parent, Path(str(name)).name, digest) for name, digest in inputs.items()]
    there = [file for file in files if file is not None]
    if len(there) < len(files):
        return None
    if len(there) == 1:
        return there[0], None
    # Of two files one is an architecture, as JSON.
    architecture = [file for file in there if file.suffix == ".json"]
    return (architecture[0], next(file for file in there if file not in architecture)) if len(architecture) == 1 else None


def _found(folder: Path, name: str, digest: Any) -> Path | None:
    """A file of this name and SHA-256: beside the network, or in a folder beside it."""
    for file in (folder / name, *sorted(folder.glob(f"*/{glob.escape(name)}"))):
        if file.is_file() and sha256(file) == digest:
            return file
    return None


def _trained_on(file: Path) -> Encoder | None:
    """The encoder that our own train stage stored in a model; archives hold none."""
    try:
        with h5.opened(file) as root:
            if "tfsnn" not in h5.attributes(root):
                return None
            content = loaded(h5.text(root, "tfsnn"), file.name, "attribute 'tfsnn'", "train the model again with tfsnn train", "an object")
    except FileError:
        return None
    return Encoder.from_json(content["encoder"]) if isinstance(content, dict) and "encoder" in content else None


def _read_again(net: Net, file: Path, weights: Path | None) -> Net:
    """The network that ``tfsnn convert`` makes of the file with the options that the artifact names, in 16-bit weights."""
    with tempfile.TemporaryDirectory(prefix="tfsnn-") as folder:
        out = Path(folder) / "net.snn.h5"
        words = ["convert", str(file), "--out", str(out), "--weight-bits", str(FAITHFUL_BITS), *_options(net)]
        words += [] if weights is None else ["--weights", str(weights)]
        # Stages talk through files: this one runs the other as its user would.
        done = subprocess.run([sys.executable, "-m", "tfsnn", *words], capture_output=True, text=True, check=False)
        if done.returncode:
            reason = " ".join(done.stderr.split()) or f"exit code {done.returncode}"
            raise FileError(f"{file.name}: neither Keras nor tfsnn can read it ({reason}); evaluate without --model")
        return artifact.load(out)


def _options(net: Net) -> list[str]:
    """The options of the conversion that say how the file is read."""
    given = net.provenance.get("options")
    options: Mapping[str, Any] = given if isinstance(given, Mapping) else {}
    words = []
    for name, (scale, shift) in dict(options.get("lambda") or {}).items():
        words += ["--lambda", f"{name}=x * {scale!r} + {shift!r}" if name else f"x * {scale!r} + {shift!r}"]
    inputs = net.graph.inputs
    for number, shape in dict(options.get("input_shapes") or {}).items():
        name = f"{inputs[int(number)].name}=" if len(inputs) > 1 else ""
        words += ["--input-shape", name + "x".join(map(str, shape))]
    if options.get("backend"):
        words += ["--backend", str(options["backend"])]
    return [*words, "--lossy"]


def _forward(graph: Graph) -> Callable[[Sequence[Array]], Sequence[Array]]:
    names, cuts = [node.name for node in graph.inputs], np.cumsum([prod(graph[name].shape) for name in graph.outputs])[:-1]
    return lambda given: np.split(dense_outputs(graph, dict(zip(names, given))), cuts, axis=1)
