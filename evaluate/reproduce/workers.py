"""Commands of tfsnn in processes of their own, several at once, each with a log; none of them outlives the one that began it."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from multiprocessing import connection, get_context, parent_process
from multiprocessing.process import BaseProcess
from pathlib import Path
from threading import Lock, Thread

from tfsnn.errors import TfsnnError
from tfsnn.stage.terminal import say

Dispatch = Callable[[list[str]], int]


class Workers:
    """Runs command lines, each in a process of its own; those that run when the context is left are ended.

    Parameters
    ----------
    count
        How many at once.
    dispatch
        What runs a command line and gives its exit code; a function of a module, as new processes import it.
    """

    def __init__(self, count: int, dispatch: Dispatch) -> None:
        self.count, self._dispatch = count, dispatch
        self._running: set[BaseProcess] = set()
        self._lock, self._left = Lock(), False

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._left = True
            for process in self._running:
                process.terminate()

    def run(self, log: Path, words: list[str]) -> int:
        """Run a command line to its end; its exit code, 2 after an error that a user can mend.

        Parameters
        ----------
        log
            Takes what it prints and reports.
        words
            The command line without ``tfsnn``.
        """
        log.parent.mkdir(parents=True, exist_ok=True)
        process = get_context("spawn").Process(target=_work, args=(self._dispatch, words, log), daemon=True)
        with self._lock:
            if self._left:
                return 1
            process.start()
            self._running.add(process)
        process.join()
        with self._lock:
            self._running.remove(process)
        return process.exitcode or 0


def last_line(log: Path) -> str:
    """What a command said last; nothing if it has said nothing yet."""
    lines = log.read_text(encoding="utf-8", errors="replace").split("\n") if log.is_file() else []
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


def _work(dispatch: Dispatch, words: list[str], log: Path) -> None:
    Thread(target=_end_with_parent, daemon=True).start()
    # Ctrl-C goes to every process of a terminal; the one that began this one ends it, by SIGTERM, and what is half made is removed.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    with open(log, "w", encoding="utf-8") as file:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
            os.dup2(file.fileno(), stream.fileno())
    try:
        code = dispatch(words)
    except TfsnnError as error:
        say(f"error: {error}")
        code = 2
    sys.exit(code)


def _end_with_parent() -> None:
    """End at once when the process that began this one is gone: its successor may begin the same step again."""
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)
