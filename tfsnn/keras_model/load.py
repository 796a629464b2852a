"""The user's own model, loaded by Keras."""

from __future__ import annotations

import warnings
from typing import Any

from tfsnn.aliases import PathLike
from tfsnn.errors import FileError

KERAS_ERRORS = (ValueError, TypeError, KeyError, AttributeError, OSError, ImportError, IndexError, RuntimeError, NotImplementedError)
"""What Keras raises for files that it cannot load, and for models that it cannot run."""


def load_keras(path: PathLike) -> Any:
    """The Keras model of a file, not compiled.

    Raises
    ------
    FileError
        Keras cannot load it.
    """
    import keras

    try:
        # What an old file makes Keras complain about, its user cannot mend.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return keras.saving.load_model(path, compile=False)
    except KERAS_ERRORS as error:
        raise FileError(f"Keras {keras.__version__} cannot load the file ({type(error).__name__})") from error
