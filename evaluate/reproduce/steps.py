"""Steps with declared inputs and outputs: what is done stays done, and a kill loses the step in progress at most.

A step is done if its record lies in ``steps`` and says what is true now: the same command, inputs of the same content, and
outputs of the content that the step left. Every command of tfsnn leaves all of its outputs or none, and a record is written behind them.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

from tfsnn.bounded_json import loaded
from tfsnn.errors import FileError, InputError
from tfsnn.stage.output import replacing, write_json
from tfsnn.stage.provenance import sha256, version
from tfsnn.stage.terminal import MINUTE, say

from .workers import Dispatch, Workers, last_line

Write = Callable[[Path, Path], None]
RECORDS = "steps"


@dataclass(frozen=True)
class Step:
    """One piece of work.

    Parameters
    ----------
    name
        Unique; of its record, too.
    out
        What it leaves, a file or a folder, from the top of the reproduction.
    inputs
        Files that it reads, likewise.
    line
        Words of a tfsnn command, ``--out`` aside; those that are named in ``inputs`` lie in the reproduction.
    files
        Files that have to be there in ``out`` if that is a folder.
    given
        Further words that change nothing in the result, such as where data lie.
    data
        A file of the user's that it reads, or None.
    write
        In place of a command: writes ``out``, from the top of the reproduction and the place to write to.
    title
        Of a figure.
    """

    name: str
    out: str
    inputs: tuple[str, ...] = ()
    line: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    given: tuple[str, ...] = ()
    data: Path | None = None
    write: Write | None = field(default=None, compare=False)
    title: str = ""

    @property
    def outputs(self) -> tuple[str, ...]:
        """Its files, from the top of the reproduction."""
        return tuple(f"{self.out}/{name}" for name in self.files) or (self.out,)

    @property
    def command(self) -> str:
        """The command line, to be typed at the top of the reproduction; a file of the user's by its name."""
        words = [Path(word).name if self.data is not None and word == str(self.data) else word for word in self.line]
        return shlex.join(["tfsnn", *words, "--out", self.out]) if self.line else ""

    def identity(self, folder: Path) -> dict[str, Any]:
        """What decides the result; FileError if an input is not there."""
        data = {} if self.data is None else {self.data.name: sha256(self.data)}
        digests = {name: sha256(folder / name) for name in self.inputs}
        return {"tfsnn": version("tfsnn"), "command": self.command, "inputs": digests | data}

    def done(self, folder: Path) -> bool:
        """Whether its record says what is true now."""
        try:
            record = read_json(folder / RECORDS / f"{self.name}.json")
            found = {name: sha256(folder / name) for name in self.outputs}
            return isinstance(record, dict) and record.get("outputs") == found and record.get("of") == self.identity(folder)
        except (OSError, FileError, ValueError):
            # Not there yet, or not what a step writes: both mean that it is to be done.
            return False

    def run(self, folder: Path, dispatch: Dispatch, log: Path | None = None) -> None:
        """Do it, and leave a record.

        Parameters
        ----------
        folder
            The top of the reproduction.
        dispatch
            Runs a command line of tfsnn.
        log
            Where that says what it does, if not here.
        """
        before, start = self.identity(folder), perf_counter()
        if self.write is not None:
            with replacing(folder / self.out, directory=bool(self.files)) as place:
                self.write(folder, place)
        else:
            words = [str(folder / word) if word in self.inputs else word for word in self.line]
            code = dispatch([*words, *self.given, "--out", str(folder / self.out), "--force"])
            if code:
                said = "" if log is None else f" ({last_line(log)}; all that it said stands in {log})"
                raise InputError(f"reproduce: {self.command} ended with code {code}{said}; mend that, and call reproduce again")
        seconds = round(perf_counter() - start, 1)
        outputs = {name: sha256(folder / name) for name in self.outputs}
        write_json(folder / RECORDS / f"{self.name}.json", {"of": before, "outputs": outputs, "seconds": seconds})


def needed(steps: Sequence[Step], wanted: Sequence[str]) -> list[Step]:
    """The steps of that names and those whose outputs they read, in their order.

    Parameters
    ----------
    steps
        All, each behind those that it reads from.
    wanted
        Names.
    """
    names, files = set(wanted), set[str]()
    for step in reversed(steps):
        if step.name in names or files.intersection(step.outputs):
            names.add(step.name)
            files.update(step.inputs)
    return [step for step in steps if step.name in names]


def run_all(steps: Sequence[Step], folder: Path, dispatch: Dispatch, workers: Workers | None = None) -> int:
    """Do what is not done yet, in order; how many steps that were.

    Parameters
    ----------
    steps
        Each behind those that it reads from.
    folder
        The top of the reproduction.
    dispatch
        Runs a command line of tfsnn.
    workers
        Run command lines in place of ``dispatch``: several steps at once, each as soon as what it reads from is there.
    """
    numbers = {step.name: f"[{number}/{len(steps)}]" for number, step in enumerate(steps, start=1)}
    waiting, running, count = list(steps), dict[Future[None], Step](), 0
    # Left in reverse: the pool waits for its threads, and they for the processes.
    with ThreadPoolExecutor(workers.count if workers else 1) as pool, workers or nullcontext():
        while waiting:
            if workers and len(running) == workers.count or not (step := _next(waiting, running.values())):
                _one_ends(running, numbers, folder)
                continue
            waiting.remove(step)
            if step.done(folder):
                continue
            count += 1
            say(f"{numbers[step.name]} {step.command or step.out}")
            if workers is None or step.write is not None:
                # Here: pictures are drawn by one thread alone.
                step.run(folder, dispatch)
            else:
                log = folder / RECORDS / f"{step.name}.log"
                running[pool.submit(step.run, folder, partial(workers.run, log), log)] = step
        while running:
            _one_ends(running, numbers, folder)
    return count


def _one_ends(running: dict[Future[None], Step], numbers: Mapping[str, str], folder: Path) -> None:
    """Wait until a step ends, and say each minute what those that run have said last."""
    ended, _ = wait(running, MINUTE, FIRST_COMPLETED)
    for future in ended:
        step = running.pop(future)
        future.result()
        say(f"done: {numbers[step.name]}")
    for step in running.values() if not ended else ():
        say(f"at work: {numbers[step.name]} {last_line(folder / RECORDS / f'{step.name}.log')}".rstrip())


def _next(waiting: Sequence[Step], running: Iterable[Step]) -> Step | None:
    """The first step that reads nothing from one that is still to be done."""
    missing = {name for step in running for name in step.outputs}
    for step in waiting:
        if not missing.intersection(step.inputs):
            return step
        missing.update(step.outputs)
    return None


def read_json(path: Path) -> Any:
    """What a step has written."""
    return loaded(path.read_text(encoding="utf-8"), path.name, "content", "remove it, and call reproduce again", "what reproduce wrote")
