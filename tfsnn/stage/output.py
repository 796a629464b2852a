"""What all three stages do at their edges: seed, provenance, the overwrite guard, writing, progress, tables.

A command is thin: it guards its output, seeds, makes one library call inside :func:`replacing`, and prints a table.
What a run leaves behind is either complete or not there: everything is written beside its place and moved into it.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from tfsnn.aliases import PathLike
from tfsnn.errors import FileError, InputError


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
        raise FileError(f"{path}: cannot be written ({reason(error)}); choose another place") from error


def reason(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()


def _plain(value: object) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} has no place in JSON; pass plain values, NumPy scalars or arrays")
