"""What ``tfsnn train`` left beside a model, as far as it decides what results may be reported on: the frames that it held out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tfsnn.bounded_json import loaded
from tfsnn.errors import FileError
from tfsnn.input.dataset import Dataset
from tfsnn.stage.provenance import digest

RECORD = "train.json"


@dataclass(frozen=True)
class Training:
    """How a model was trained.

    Parameters
    ----------
    held
        How many training frames were held out.
    sha256
        Digest of the whole training split.
    """

    held: int
    sha256: str

    def held_out(self, dataset: Dataset) -> Dataset | None:
        """The frames that were held out, as the validation split of a data set of their own.

        Parameters
        ----------
        dataset
            A data set; None comes back if it is not the one that the model was trained on.
        """
        x, y = dataset.train
        if not isinstance(y, np.ndarray) or not 0 < self.held < len(y) or digest(x, y) != self.sha256:
            return None
        return replace(dataset, read=lambda name: dataset.parted(self.held)[1], by_name=None, starts=None)


def training_of(model: Path, sha256: str) -> Training | None:
    """What a training left beside a model; None if it is no model of ``tfsnn train``, or was moved away from its record.

    Parameters
    ----------
    model
        The file.
    sha256
        Its digest: a record of another model does not count.
    """
    record = model.with_name(RECORD)
    try:
        content = loaded(record.read_text(encoding="utf-8"), record.name, "content", "train the model again with tfsnn train", "an object")
        if content["format"] != "tfsnn-training" or content["sha256"][model.name] != sha256:
            return None
        about = content["dataset"]
        return Training(int(about["images"]["validation"]), str(about["sha256"]["train"]))
    except (OSError, FileError, ValueError, KeyError, TypeError):
        # Beside a model of somebody else's there may be a train.json of any content.
        return None
