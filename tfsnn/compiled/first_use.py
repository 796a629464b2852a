"""Compiling the kernels: what a network needs of them, when it is first needed, kept for the next time.

It may take seconds, and says so then. It runs in a thread of its own while the caller's waits, so that Ctrl-C ends the program: an
exception inside LLVM's calls back into Python would be shown and forgotten.
"""

from __future__ import annotations

import ctypes
import hashlib
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from threading import Lock, Thread
from typing import Any

import numba
import numpy as np
from numba.core import caching as numba_caching
from numba.core import ccallback as numba_ccallback

from tfsnn.aliases import Array
from tfsnn.compiled.kernel import columns as c
from tfsnn.compiled.kernel import loop
from tfsnn.compiled.kernel.check import check
from tfsnn.compiled.kernel.diagonal import deliver_diagonal
from tfsnn.compiled.kernel.fields import check_fields, check_points, deliver_windows
from tfsnn.compiled.kernel.full import deliver_full
from tfsnn.compiled.kernel.grouped import deliver_grouped
from tfsnn.compiled.kernel.jit import OPTIONS, STAGES
from tfsnn.compiled.kernel.pooled import deliver_pooled
from tfsnn.compiled.kernel.relayed import relay
from tfsnn.compiled.kernel.slot import sweep
from tfsnn.compiled.tables import Tables
from tfsnn.stage.terminal import announced_if_slow

# Numba is typed in part; what it leaves open is open here, too.
# What a compiler may meet on a machine; in the thread that waits it is raised again.
FAILURES = (numba.core.errors.NumbaError, OSError, RuntimeError, MemoryError, LookupError, TypeError, ValueError)
config: Any = numba.config
types: Any = numba.types
caching: Any = numba_caching
ccallback: Any = numba_ccallback

ENTRIES: dict[str, Any] = {"spike": loop.run_spike, "slot": loop.run_slot, "frame": loop.run_frame}
DELIVERIES = {c.FULL: deliver_full, c.DIAGONAL: deliver_diagonal, c.GROUPED: deliver_grouped, c.POOLED: deliver_pooled}
COMPILING = "tfsnn: compiling the engine for this machine; once, and kept\n"
UNKEPT = "tfsnn: compiling the engine for this machine; it cannot be kept, as no folder for it may be written (NUMBA_CACHE_DIR names one)\n"
Called = Callable[..., int]
_LOCK = Lock()
_DONE: dict[tuple[int, bool], Any] = {}
_CODES = {narrow: np.zeros(len(STAGES), np.int64) for narrow in (True, False)}


def sources_digest(folder: Path = Path(loop.__file__).parent) -> str:
    """A digest of all sources that are compiled, so that the cache notices an edit in any of them.

    Parameters
    ----------
    folder
        Where they are.
    """
    files = sorted(folder.glob("*.py"))
    if not files:
        raise RuntimeError(f"{folder} holds no kernel sources; install tfsnn with its Python files")
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


class KernelCache(caching.FunctionCache):  # type: ignore[misc]
    """Numba's cache, which by itself notices an edit only in the file of the function that it holds."""

    def _index_key(self, sig: Any, codegen: Any) -> Any:
        return (*super()._index_key(sig, codegen), kernel_digest())


@cache
def kernel_digest() -> str:
    """The digest of this installation."""
    return sources_digest()


@cache
def cache_of(function: Called) -> Any:
    """Where a compiled function is kept; None where nothing may be written."""
    try:
        return KernelCache(function)
    except (RuntimeError, OSError):
        return None


def needed(tables: Tables, entries: Iterable[str]) -> list[int]:
    """The stages that a network needs.

    Parameters
    ----------
    tables, entries
        Its tables, and how it is run: names of ``ENTRIES``.
    """
    if config.DISABLE_JIT:
        return []
    paths = tables.arrays[c.PATH_TABLE].reshape(-1, c.PATH_WIDTH)
    names = [ENTRIES[name] for name in entries]
    found = [*names, sweep, check, *(DELIVERIES[int(kind)] for kind in np.unique(paths[:, c.DELIVERY]))]
    if (paths[:, c.PLACES] >= 0).any():
        found.append(relay)
    if names != [loop.run_spike]:
        seen, diagonal = paths[:, c.FIELD] >= 0, paths[:, c.DELIVERY] == c.DIAGONAL
        extra = {deliver_windows: seen & ~diagonal, check_fields: seen & diagonal, check_points: paths[:, c.POINT] > 0}
        found += [stage for stage, uses in extra.items() if uses.any()]
    return [stage.stage for stage in found if names != [loop.run_spike] or stage is not sweep]


def ready(tables: Tables, entries: Iterable[str]) -> Array:
    """Compile what is missing of a network's stages; their addresses, for the context.

    Parameters
    ----------
    tables, entries
        As of :func:`needed`.
    """
    missing = [stage for stage in needed(tables, entries) if (stage, tables.narrow) not in _DONE]
    if missing:
        _waited_for(missing, tables.narrow)
    return _CODES[tables.narrow]


def compile_stage(stage: int, narrow: bool) -> None:
    """Compile a stage, or fetch it from the cache.

    Parameters
    ----------
    stage, narrow
        Which, and for which contexts.
    """
    with _LOCK:
        if (stage, narrow) in _DONE:
            return
        function = STAGES[stage]
        context = types.CPointer(types.int64 if narrow else types.uint64)
        numbers = function.__code__.co_argcount - 1
        made = ccallback.CFunc(function, ((context, *[types.int64] * numbers), types.int64), locals={}, options=dict(OPTIONS))
        if cache_of(function) is not None:
            made._cache = cache_of(function)
        made.compile()
        _CODES[narrow][stage], _DONE[stage, narrow] = made.address, made


def callable_of(entry: str, narrow: bool) -> Called:
    """An entry to be called with the address of a context's first number.

    Parameters
    ----------
    entry, narrow
        A name of ``ENTRIES``, compiled before; and for which contexts.
    """
    if config.DISABLE_JIT:
        plain: Called = ENTRIES[entry]
        return plain
    made = _DONE[ENTRIES[entry].stage, narrow]
    return ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p)(made.address)


def _waited_for(stages: list[int], narrow: bool) -> None:
    """Compile stages in a thread of its own, and wait for it; say so if that takes long."""
    failed: list[Exception] = []

    def run() -> None:
        try:
            for stage in stages:
                compile_stage(stage, narrow)
        except FAILURES as error:
            failed.append(error)

    thread = Thread(target=run, daemon=True)
    with announced_if_slow(COMPILING if cache_of(STAGES[0]) is not None else UNKEPT):
        thread.start()
        while thread.is_alive():
            # Not without end: a wait that no signal can interrupt would hold Ctrl-C back.
            thread.join(0.1)
    if failed:
        raise failed[0]
