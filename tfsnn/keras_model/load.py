"""The user's own model, loaded by Keras."""

from __future__ import annotations

import warnings
from contextlib import nullcontext
from typing import Any

from tfsnn.aliases import PathLike
from tfsnn.errors import FileError
from tfsnn.keras_model.assembled import assembled

KERAS_ERRORS = (ValueError, TypeError, LookupError, AttributeError, OSError, ImportError, RuntimeError)
"""What Keras raises for files that it cannot load, and for models that it cannot run."""


def load_keras(path: PathLike, weights: PathLike | None = None) -> Any:
    """The Keras model of a file, not compiled.

    Parameters
    ----------
    path
        The model; with ``weights`` its architecture as JSON.
    weights
        Where its weights are, if not in the file.

    Raises
    ------
    FileError
        Keras cannot load it, as it is or with its settings brought up to date.
    """
    import keras

    as_it_is = nullcontext(str(path)) if weights is None else assembled(path, weights)
    first: Exception | None = None
    for attempt in (as_it_is, assembled(path, weights, mend=True)):
        try:
            # What an old file makes Keras complain about, its user cannot mend.
            with attempt as file, warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return keras.saving.load_model(file, compile=False)
        except (*KERAS_ERRORS, FileError) as error:
            first = first or error
    raise FileError(f"Keras {keras.__version__} cannot load the file ({type(first).__name__})") from first
