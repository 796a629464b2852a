"""The hidden directories in which results are made, beside the place where they will lie.

A workshop is called ``.tfsnn-...`` and holds ``lock``, which its owner keeps locked. The system gives the lock back when the owner
ends, however it ends: whoever finds a workshop that is not locked knows that its owner is dead, in this container or
another. It puts back what the dead had moved aside (:func:`recover`) and removes the rest. Making and removing workshops
is done under a lock on the directory that they lie in, so that nobody takes one away that is only half made.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

# There are no such locks on Windows: workshops of the dead stay there.
fcntl: Any = import_module("fcntl") if find_spec("fcntl") else None
PREFIX = ".tfsnn-"
LOCK, OLD, MOVES = "lock", "old", "moves.json"
_PATIENCE = 2.0


def is_ours(path: Path) -> bool:
    """Whether a name is one of those that we give to what is not a result."""
    return path.name.startswith(PREFIX)


@contextmanager
def workshop(ground: Path) -> Iterator[Path]:
    """A new directory to work in, gone afterwards.

    Parameters
    ----------
    ground
        The directory that it is made in.
    """
    with _alone(ground):
        _sweep(ground)
        place = Path(tempfile.mkdtemp(prefix=PREFIX, dir=ground))
        held = _locked(place / LOCK)
    try:
        yield place
    finally:
        with _alone(ground):
            shutil.rmtree(place, ignore_errors=True)
            if held is not None:
                os.close(held)


def sweep(ground: Path) -> None:
    """Remove the workshops of the dead, after what they had moved aside is back in its place.

    Parameters
    ----------
    ground
        The directory to look into; one that cannot be written is left as it is.
    """
    if fcntl is not None and os.access(ground, os.W_OK | os.X_OK) and any(map(is_ours, ground.iterdir())):
        with _alone(ground):
            _sweep(ground)


def replace_all(source: Path, target: Path, place: Path) -> None:
    """Move all files below one directory to their places below another that exists: all of them, or none.

    What lay there is moved aside first and comes back if anything fails; if this process is killed in between, whoever next works
    here puts it back. Summaries (.json) are the first to go and the last to come, so that a directory that has one is whole.

    Parameters
    ----------
    source, target
        The directories.
    place
        The workshop: what lay there goes into it.
    """
    files = sorted((path.relative_to(source) for path in source.rglob("*") if not path.is_dir()), key=_summaries_last)
    for file in files:
        if (target / file).is_dir():
            raise IsADirectoryError(21, f"{file} is a directory", str(target / file))
    done = False
    (place / MOVES).write_text(json.dumps({"target": os.path.abspath(target), "files": [str(file) for file in files]}))
    try:
        for file in reversed(files):
            if os.path.lexists(target / file):
                (place / OLD / file).parent.mkdir(parents=True, exist_ok=True)
                os.replace(target / file, place / OLD / file)
        for file in files:
            (target / file).parent.mkdir(parents=True, exist_ok=True)
            os.replace(source / file, target / file)
        (place / MOVES).unlink()
        done = True
    finally:
        if not done:
            recover(place)


def recover(place: Path) -> None:
    """Put back what :func:`replace_all` had moved aside when it was stopped.

    Parameters
    ----------
    place
        The workshop.
    """
    try:
        moves = json.loads((place / MOVES).read_text())
        target, files = Path(moves["target"]), [Path(file) for file in moves["files"]]
    except (OSError, ValueError, KeyError, TypeError):
        # Nothing had begun to move: the list is written first, and read by nobody who could not have written it.
        return
    made = place / target.name
    for file in sorted(files, key=_summaries_last):
        if os.path.lexists(place / OLD / file):
            os.replace(place / OLD / file, target / file)
        elif not os.path.lexists(made / file):
            (target / file).unlink(missing_ok=True)
    (place / MOVES).unlink()


def _summaries_last(file: Path) -> tuple[bool, str]:
    return file.suffix == ".json", str(file)


def _sweep(ground: Path) -> None:
    for place in ground.glob(f"{PREFIX}*") if fcntl is not None else ():
        if place.is_symlink() or not place.is_dir():
            continue
        held = _locked(place / LOCK)
        if held is not None:
            recover(place)
            shutil.rmtree(place, ignore_errors=True)
            os.close(held)


def _locked(path: Path) -> int | None:
    """Lock a file: its descriptor, or None if somebody else holds it or nothing can be locked here."""
    if fcntl is None:
        return None
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


@contextmanager
def _alone(ground: Path) -> Iterator[None]:
    """Nobody else makes or removes workshops here meanwhile; where that cannot be had within two seconds, so be it."""
    descriptor = os.open(ground, os.O_RDONLY) if fcntl is not None else None
    try:
        end = time.monotonic() + _PATIENCE
        while descriptor is not None:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if time.monotonic() > end:
                    break
                time.sleep(0.01)
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)
