"""Where a training stands after an epoch, so that one that is stopped goes on from there instead of from nothing.

One hidden file beside the output, replaced after each epoch and removed at the end. It belongs to one training alone: recipe, seed,
images and versions stand in it as a digest, and whatever does not match it, or is damaged, is not used. What goes on
ends with the weights of a training that nobody stopped: all that a step depends on is kept.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np

from tfsnn.aliases import Array, PathLike
from tfsnn.bounded_json import loaded
from tfsnn.errors import FileError
from tfsnn.input.npz import DAMAGE, member
from tfsnn.stage.output import replacing, unfinished

from .fit import Trainer

History = dict[str, list[float]]


class Checkpoint:
    """The file of one training.

    Parameters
    ----------
    out
        Where the result of the training will lie.
    identity
        All that the weights depend on, as plain JSON.
    """

    def __init__(self, out: PathLike, identity: Any) -> None:
        self.path: Path = unfinished(out, "training")
        text = json.dumps(identity, sort_keys=True, default=str)
        self.identity = hashlib.sha256(text.encode()).hexdigest()

    def save(self, trainer: Trainer, history: History) -> None:
        """Keep where a training stands after an epoch.

        Parameters
        ----------
        trainer, history
            The training, and its scores so far.
        """
        about = {"identity": self.identity, "done": trainer.done, "order": trainer.order.bit_generator.state, "history": history}
        arrays = {f"v{number}": np.asarray(value) for number, value in enumerate(_variables(trainer))}
        with replacing(self.path) as place, open(place, "wb") as file:
            np.savez(file, allow_pickle=False, about=np.frombuffer(json.dumps(about).encode(), np.uint8), **arrays)

    def restored(self, trainer: Trainer) -> History:
        """Bring a training that has just been set up to where it was; its scores so far, none if it begins anew.

        Parameters
        ----------
        trainer
            The training.
        """
        variables = _variables(trainer)
        try:
            about, arrays = self._read(len(variables))
            fits = about["identity"] == self.identity and [a.shape for a in arrays] == [tuple(v.shape) for v in variables]
            done, history = int(about["done"]), {str(k): [float(x) for x in v] for k, v in about["history"].items()}
            if not fits:
                return {}
            trainer.order.bit_generator.state = about["order"]
        except (OSError, FileError, TypeError, AttributeError, *DAMAGE):
            return {}
        for variable, value in zip(variables, arrays, strict=True):
            variable.assign(value)
        trainer.done = done
        return history

    def remove(self) -> None:
        """The training is over, and what it has learnt is written."""
        self.path.unlink(missing_ok=True)

    def _read(self, count: int) -> tuple[dict[str, Any], list[Array]]:
        name = os.fspath(self.path)
        with ZipFile(self.path) as archive:
            about = loaded(bytes(member(archive, "about", name)).decode(), name, "about", "train again", "an object")
            return about, [member(archive, f"v{number}", name) for number in range(count)]


def _variables(trainer: Trainer) -> list[Any]:
    """All that a step reads and writes: weights and seeds of the model, their average, the optimizer."""
    return [*trainer.model.variables, *trainer.average, *trainer.optimizer.variables]
