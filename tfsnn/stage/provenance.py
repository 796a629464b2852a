"""Where a result comes from: seed, versions, digests of the inputs."""

from __future__ import annotations

import hashlib
import os
import platform
import random
import shlex
import sys
from collections.abc import Mapping
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfsnn.aliases import PathLike
from tfsnn.errors import FileError, InputError
from tfsnn.stage.output import reason

SOFTWARE = ("tfsnn", "numpy", "tensorflow", "keras")


def set_seed(seed: int, *, tensorflow: bool = False) -> None:
    """Seed the generators of Python and NumPy, and with ``tensorflow`` those of TensorFlow and Keras.

    TensorFlow is not imported unless asked for, so a stage that trains has to ask.
    """
    if not 0 <= seed < 1 << 32:
        raise InputError(f"seed {seed}: NumPy takes whole numbers from 0 to {(1 << 32) - 1}")
    if tensorflow:
        import keras

        keras.utils.set_random_seed(seed)
    random.seed(seed)
    np.random.seed(seed)


def sha256(path: PathLike) -> str:
    """SHA-256 of a file's content, in hexadecimal."""
    digest = hashlib.sha256()
    try:
        with open(path, "rb") as file:
            for block in iter(lambda: file.read(1 << 20), b""):
                digest.update(block)
    except OSError as error:
        raise FileError(f"{path}: cannot be read ({reason(error)}); check the path") from error
    return digest.hexdigest()


def digest(*arrays: NDArray[Any]) -> str:
    """SHA-256 of arrays, one after the other: of each its type, its shape and its bytes (little endian, rows first).

    One split has one digest, whichever stage names it: images, then what is right.
    """
    found = hashlib.sha256()
    for array in arrays:
        little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
        found.update(f"{little.dtype.str}{array.shape}".encode())
        found.update(little.data.cast("B") if array.size else b"")
    return found.hexdigest()


def provenance(command: str, seed: int | None, inputs: Mapping[str, PathLike]) -> dict[str, Any]:
    """Where a result comes from, the same at every run: it may enter files that promise same input, same bytes.

    Parameters
    ----------
    command
        Name of the command, ``"train"``.
    seed
        The seed it ran with; None where nothing was drawn.
    inputs
        The files it read, by a name that means something elsewhere (no path of this machine).
    """
    versions = {"python": platform.python_version()} | {name: version(name) for name in SOFTWARE}
    return {
        "command": command,
        "seed": seed,
        "versions": versions,
        "inputs": {name: sha256(path) for name, path in inputs.items()},
    }


def command_line() -> str:
    """The command line as it was given, files by their names."""
    return shlex.join(["tfsnn", *(Path(word).name if "/" in word else word for word in sys.argv[1:])])


def circumstances() -> dict[str, Any]:
    """Where and when this runs: for reports, never for files that promise same input, same bytes. It names no host."""
    return {
        "host": {"system": platform.system(), "machine": platform.machine(), "processor": _processor(), "cpus": os.cpu_count()},
        "time": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }


def _processor() -> str:
    """What the processor calls itself, as far as the system says."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            names = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    except OSError:
        names = []
    return names[0] if names else platform.processor() or platform.machine()


def version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
