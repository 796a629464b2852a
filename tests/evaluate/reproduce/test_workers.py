"""Command lines in processes of their own: several at once, with logs, and none that outlives the one that began it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tfsnn.errors import InputError
from tfsnn.evaluate.reproduce.steps import Step, run_all
from tfsnn.evaluate.reproduce.workers import Workers, last_line

PATIENCE = 60


def copied(folder: Path, place: Path) -> None:
    place.write_bytes((folder / "left.txt").read_bytes())


STEPS = [
    Step("left", "left.txt", line=("meet", "right")),
    Step("right", "right.txt", line=("meet", "left")),
    Step("both", "both.txt", ("left.txt", "right.txt"), write=copied),
]
SLEEPER = """
import signal
import sys
from pathlib import Path
from tests.evaluate.reproduce.test_workers import command
from tfsnn.evaluate.reproduce.workers import Workers
if __name__ == "__main__":
    # Whoever is started in the background ignores it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    Workers(1, command).run(Path(sys.argv[1]), ["sleep", "--out", sys.argv[2]])
"""


def until(found: Callable[[], bool]) -> None:
    """Wait for something that another process does."""
    end = time.monotonic() + PATIENCE
    while not found():
        assert time.monotonic() < end
        time.sleep(0.02)


def command(words: list[str]) -> int:
    """A command line: waits for another one to have begun, fails, or sleeps for longer than anybody waits."""
    out = Path(words[words.index("--out") + 1])
    begun = out.with_suffix(".begun")
    begun.with_suffix(".part").write_text(str(os.getpid()))
    begun.with_suffix(".part").rename(begun)
    print("on stdout")
    if words[0] == "meet":
        until(out.with_name(f"{words[1]}.begun").exists)
        out.write_text(words[0])
    elif words[0] == "sleep":
        time.sleep(10 * PATIENCE)
    else:
        until(out.with_name("left.begun").exists)
        raise InputError("no such data")
    return 0


def gone(pid: int) -> bool:
    """Whether there is no such process, or one that nobody has waited for yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def test_steps_run_beside_each_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Workers(2, command) as workers:
        assert run_all(STEPS, tmp_path, command, workers) == 3
        assert run_all(STEPS, tmp_path, command, workers) == 0
    assert (tmp_path / "both.txt").read_text() == "meet"
    assert len({(tmp_path / f"{name}.begun").read_text() for name in ("left", "right")} | {str(os.getpid())}) == 3
    assert last_line(tmp_path / "steps/left.log") == "on stdout"
    said = capsys.readouterr()
    assert not said.out and [line for line in said.err.splitlines() if line.startswith("[")] == [
        *("[1/3] tfsnn meet right --out left.txt", "[2/3] tfsnn meet left --out right.txt", "[3/3] both.txt"),
    ]
    assert sorted(line for line in said.err.splitlines() if line.startswith("done")) == ["done: [1/3]", "done: [2/3]"]


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="whether a process is there is read from /proc")
def test_a_step_that_fails_ends_those_beside_it(tmp_path: Path) -> None:
    steps = [Step("left", "left.txt", line=("sleep",)), Step("right", "right.txt", line=("fail",))]
    message = r"tfsnn fail --out right.txt ended with code 2 \(error: no such data; all that it said stands in .*right.log\); mend that"
    with pytest.raises(InputError, match=message):
        run_all(steps, tmp_path, command, Workers(2, command))
    assert gone(int((tmp_path / "left.begun").read_text())) and not (tmp_path / "left.txt").exists()


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="whether a process is there is read from /proc")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_no_command_outlives_the_one_that_began_it(tmp_path: Path, number: int) -> None:
    script = tmp_path / "sleeper.py"
    script.write_text(SLEEPER)
    begun, environment = tmp_path / "out.begun", {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    words = [sys.executable, str(script), str(tmp_path / "log"), str(tmp_path / "out.txt")]
    with subprocess.Popen(words, stderr=subprocess.DEVNULL, env=environment) as process:
        until(begun.exists)
        process.send_signal(number)
        try:
            process.wait(PATIENCE)
        finally:
            process.kill()
    until(lambda: gone(int(begun.read_text())))
