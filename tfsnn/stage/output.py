"""What all three stages do at their edges: seed, provenance, the overwrite guard, writing, progress, tables.

A command is thin: it guards its output, seeds, makes one library call inside :func:`replacing`, and prints a table.
What a run leaves behind is either complete or not there: everything is written beside its place and moved into it.
"""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from tfsnn.aliases import PathLike
from tfsnn.errors import FileError, InputError
from tfsnn.stage.workshop import PREFIX, is_ours, replace_all, sweep, workshop

LONE = re.compile("[\ud800-\udfff]")
NO_ROOM = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)
FULL = re.compile(r"errno ?= ?(\d+)")


def guard(path: PathLike, force: bool = False, *, directory: bool = False, names: Sequence[str] = ()) -> Path:
    """Refuse an output that could not be written in the end, before the work begins.

    Parameters
    ----------
    path
        The output. It may lie in directories that do not exist yet.
    force
        Overwrite what exists.
    directory
        The output is a directory. One that exists must be empty; with ``force``, its other files stay.
    names
        Files that will be written into that directory: none of them may be a directory already.

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
    ground = _ground(path)
    for place in {ground, ground.parent} if ground.is_dir() else ():
        sweep(place)
    if path.exists() and not (path.is_dir() if directory else path.is_file()):
        expected = "directory" if directory else "plain file"
        raise InputError(f"{path}: exists and is no {expected}; name a {expected}")
    for name in names:
        if (path / name).is_dir():
            raise InputError(f"{path / name}: is a directory where a file will be written; remove it, or choose another place")
    if not force and _occupied(path):
        holds = "is not empty" if directory else "exists"
        raise InputError(f"{path}: {holds} already; choose another name, or overwrite with --force")
    if not ground.is_dir() or not os.access(ground, os.W_OK | os.X_OK):
        raise InputError(f"{path}: nothing can be written in {ground}; choose another place")
    return path


@contextmanager
def replacing(path: PathLike, *, directory: bool = False, fresh: bool = False) -> Iterator[Path]:
    """Write beside ``path``, and move the result there once all went well; after an error nothing is left behind.

    All or nothing, for a directory, too. What a process leaves that was killed in between, the next one removes.

    Parameters
    ----------
    path
        Where the result is to lie. It is replaced in one step if it is a file.
    directory
        What is written is a directory: other files that lie there stay.
    fresh
        Refuse to replace what has come to lie there since :func:`guard` looked, from another run.

    Yields
    ------
    Path
        Where to write: has the name of ``path`` and does not exist yet (if ``directory``: an empty directory).

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with replacing(Path(folder, "new", "note.txt")) as place:
    ...         _ = place.write_text("done")
    ...     Path(folder, "new", "note.txt").read_text()
    'done'
    """
    path = Path(path)
    with ExitStack() as stack:
        with _refusals(path):
            # In the nearest directory that exists: on its file system moving is renaming, and no directory is left to remove.
            shop = stack.enter_context(workshop(_ground(path)))
            place = shop / Path(os.path.abspath(path)).name
            if directory:
                place.mkdir()
        # What is written inside of other unfinished work is named by that: a user does not know our hidden directories.
        with nullcontext() if any(map(is_ours, path.parents)) else _full_disks(path):
            yield place
        with _refusals(path):
            if fresh and _occupied(path):
                raise FileError(f"{path}: another run has written it meanwhile; choose another name, or overwrite with --force")
            _move(place, path, shop)


def unfinished(path: PathLike, what: str) -> Path:
    """Where work on an output that may be stopped is kept: a hidden file beside it, which :func:`guard` does not count.

    Parameters
    ----------
    path
        The output.
    what
        What is kept, a word.
    """
    path = Path(os.path.abspath(path))
    beside = path.parent if os.access(path.parent, os.W_OK | os.X_OK) else _ground(path)
    # Outputs of one name in directories that do not exist yet must not share the file.
    name = "-".join(path.relative_to(beside).parts) or path.name
    return beside / f"{PREFIX}{name}.{what}"


def write_json(path: PathLike, content: Any) -> None:
    """Write JSON whole or not at all: keys in their order, NumPy scalars and arrays as plain values, no NaN."""
    try:
        text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False, default=_plain)
    except ValueError as error:
        raise InputError(f"{path}: JSON carries no NaN and no infinity ({error}); write null instead") from error
    # Half of a pair that stands for one character cannot be written as UTF-8, but as JSON says it.
    text = LONE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
    with replacing(path) as place:
        place.write_text(text + "\n", encoding="utf-8")


def _ground(path: Path) -> Path:
    path = Path(os.path.abspath(path))
    return path if path.is_dir() else next(parent for parent in path.parents if parent.exists())


def _occupied(path: Path) -> bool:
    """Whether something lies there, our own unfinished work aside."""
    return any(not is_ours(child) for child in path.iterdir()) if path.is_dir() else path.exists()


def _move(source: Path, target: Path, shop: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir() and target.exists():
        replace_all(source, target, shop)
    else:
        os.replace(source, target)


@contextmanager
def _full_disks(path: Path) -> Iterator[None]:
    """A disk or quota that is full, or a limit on file sizes, said in one line, whichever library met it."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        # h5py raises RuntimeError with the system's number in its text, when it closes a file.
        found = FULL.search(str(error))
        number = error.errno if isinstance(error, OSError) and error.errno is not None else int(found[1]) if found else 0
        if number not in NO_ROOM:
            raise
        detail = f"{os.strerror(number).lower()}; nothing was changed"
        raise FileError(f"{path}: cannot be written ({detail}); make room, raise the limit, or choose another place") from error


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
