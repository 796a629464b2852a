"""What all three stages do at their edges: seed, provenance, the overwrite guard, writing, progress, tables.

A command is thin: it guards its output, seeds, makes one library call inside :func:`replacing`, and prints a table.
What a run leaves behind is either complete or not there: everything is written beside its place and moved into it.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import random
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path
from threading import Timer
from typing import Any, TypeVar

import numpy as np
from tqdm import tqdm

from tfsnn.errors import FileError, InputError

T = TypeVar("T")
PathLike = str | os.PathLike[str]
MINUTE = 60
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
        raise FileError(f"{path}: cannot be read ({_reason(error)}); check the path") from error
    return digest.hexdigest()


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
    versions = {"python": platform.python_version()} | {name: _version(name) for name in SOFTWARE}
    return {
        "command": command,
        "seed": seed,
        "versions": versions,
        "inputs": {name: sha256(path) for name, path in inputs.items()},
    }


def circumstances() -> dict[str, Any]:
    """Where and when this runs: for reports, never for files that promise same input, same bytes. It names no host."""
    return {
        "host": {"system": platform.system(), "machine": platform.machine(), "cpus": os.cpu_count()},
        "time": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }


def guard(path: PathLike, force: bool = False, *, directory: bool = False) -> Path:
    """Refuse an output that could not be written in the end, before the work begins.

    Parameters
    ----------
    path
        The output. It may lie in directories that do not exist yet.
    force
        Overwrite what exists.
    directory
        The output is a directory. One that exists must be empty; with ``force``, its other files stay.

    Returns
    -------
    Path
        ``path``.

    Raises
    ------
    InputError
        If it exists already, is of the other kind, or lies where nothing can be written.
    """
    path = Path(path)
    if path.exists() and not (path.is_dir() if directory else path.is_file()):
        expected = "directory" if directory else "plain file"
        raise InputError(f"{path}: exists and is no {expected}; name a {expected}")
    if not force and (any(path.iterdir()) if path.is_dir() else path.exists()):
        holds = "is not empty" if directory else "exists"
        raise InputError(f"{path}: {holds} already; choose another name, or overwrite with --force")
    ground = _ground(path)
    if not ground.is_dir() or not os.access(ground, os.W_OK | os.X_OK):
        raise InputError(f"{path}: nothing can be written in {ground}; choose another place")
    return path


@contextmanager
def replacing(path: PathLike, *, directory: bool = False) -> Iterator[Path]:
    """Write beside ``path``, and move the result there once all went well; after an error nothing is left behind.

    Parameters
    ----------
    path
        Where the result is to lie. It is replaced in one step if it is a file.
    directory
        What is written is a directory: its files are moved in one by one, and other files that lie there stay.

    Yields
    ------
    Path
        Where to write: has the name of ``path`` and does not exist yet (if ``directory``: an empty directory).

    Examples
    --------
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with replacing(Path(folder, "new", "note.txt")) as place:
    ...         _ = place.write_text("done")
    ...     Path(folder, "new", "note.txt").read_text()
    'done'
    """
    path = Path(path)
    # In the nearest directory that exists: on its file system moving is renaming, and no directory is left to remove.
    with _refusals(path):
        workshop = Path(tempfile.mkdtemp(prefix=".tfsnn-", dir=_ground(path)))
    try:
        place = workshop / Path(os.path.abspath(path)).name
        if directory:
            place.mkdir()
        yield place
        with _refusals(path):
            _move(place, path)
    finally:
        shutil.rmtree(workshop, ignore_errors=True)


def write_json(path: PathLike, content: Any) -> None:
    """Write JSON whole or not at all: keys in their order, NumPy scalars and arrays as plain values, no NaN."""
    try:
        text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False, default=_plain)
    except ValueError as error:
        raise InputError(f"{path}: JSON carries no NaN and no infinity ({error}); write null instead") from error
    with replacing(path) as place:
        place.write_text(text + "\n", encoding="utf-8")


def progress(iterable: Iterable[T], description: str, *, total: int | None = None) -> tqdm[T]:
    """The same items, with a progress bar on stderr, on none but terminals from the second minute on; none if TFSNN_PROGRESS is 0."""
    quiet, pause = os.environ.get("TFSNN_PROGRESS") == "0", 0 if sys.stderr.isatty() else MINUTE
    often: dict[str, Any] = {"delay": pause, "mininterval": pause or 0.1, "maxinterval": pause or 10}
    return tqdm(iterable, description, total, file=sys.stderr, disable=quiet, dynamic_ncols=True, **often)


@contextmanager
def counting(description: str, total: int) -> Iterator[Callable[[int], object]]:
    """The same bar for a loop that is elsewhere: ``with counting("simulating", n) as count: f(progress=count)``."""
    with progress(range(0), description, total=total) as bar:
        yield bar.update


@contextmanager
def announced_if_slow(text: str) -> Iterator[None]:
    """Say a line on stderr, if that is a terminal and what is inside takes longer than a second."""
    timer = Timer(1.0, lambda: sys.stderr.write(text) if sys.stderr.isatty() else None)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def table(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Rows as aligned text: a column that begins with a digit or a sign everywhere to the right; None is a dash.

    Examples
    --------
    >>> print(table(["layer", "threshold", "accuracy"], [["conv", 0.05, "98.9 %"], ["dense", 0.1, None]]))
    layer  threshold  accuracy
    conv        0.05    98.9 %
    dense        0.1         -
    """
    lines = [list(headers)] + [["-" if value is None else str(value) for value in row] for row in rows]
    columns = []
    for header, *body in zip(*lines, strict=True):
        width = max(map(len, (header, *body)))
        number = all(cell[:1] in tuple("+-.0123456789") for cell in body)
        columns.append([cell.rjust(width) if number else cell.ljust(width) for cell in (header, *body)])
    return "\n".join("  ".join(line).rstrip() for line in zip(*columns))


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _ground(path: Path) -> Path:
    path = Path(os.path.abspath(path))
    return path if path.is_dir() else next(parent for parent in path.parents if parent.exists())


def _move(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if not source.is_dir():
        os.replace(source, target)
        return
    target.mkdir(exist_ok=True)
    for child in sorted(source.iterdir()):
        _move(child, target / child.name)


@contextmanager
def _refusals(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise FileError(f"{path}: cannot be written ({_reason(error)}); choose another place") from error


def _reason(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()


def _plain(value: object) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} has no place in JSON; pass plain values, NumPy scalars or arrays")
