"""Steps: done once, done again where anything changed, and a kill loses the one in progress at most."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from tfsnn.errors import InputError
from tfsnn.evaluate.reproduce.steps import Step, needed, run_all
from tfsnn.stage.output import replacing

KILLS = int(os.environ.get("TFSNN_KILLS", "4"))


def doubled(folder: Path, place: Path) -> None:
    place.write_bytes((folder / "b/x.txt").read_bytes() * 2)


STEPS = [
    Step("first", "a/first.txt", line=("make", "first"), given=("--data-dir", "somewhere")),
    Step("second", "b", ("a/first.txt",), ("make", "a/first.txt"), files=("x.txt", "y.txt")),
    Step("other", "other.txt", line=("make", "other")),
    Step("page", "page.txt", ("b/x.txt",), write=doubled),
]
# A command takes a while, writes its output whole, and logs when it begins; what a step was doing when it is killed is begun again.
SLOW = """
import sys, time
from pathlib import Path
from tests.evaluate.reproduce.test_steps import STEPS, made
from tfsnn.evaluate.reproduce.steps import run_all

def dispatch(words):
    with open(sys.argv[2], "a") as log:
        log.write(words[1].rpartition("/")[2] + "\\n")
    time.sleep(0.05)
    return made(words)

print("ready", flush=True)
run_all(STEPS, Path(sys.argv[1]), dispatch)
"""


def made(words: list[str]) -> int:
    """What a command of tfsnn does: writes all of its output, or nothing."""
    out = Path(words[words.index("--out") + 1])
    assert words[-1] == "--force"
    with replacing(out, directory=out.name == "b") as place:
        for file in (place / "x.txt", place / "y.txt") if out.name == "b" else (place,):
            file.write_text(Path(words[1]).name)
    return 0


def test_a_second_call_does_nothing(tmp_path: Path) -> None:
    done: list[list[str]] = []

    def dispatch(words: list[str]) -> int:
        done.append(words)
        return made(words)

    assert run_all(STEPS, tmp_path, dispatch) == 4
    assert done[0] == ["make", "first", "--data-dir", "somewhere", "--out", str(tmp_path / "a/first.txt"), "--force"]
    assert done[1][1] == str(tmp_path / "a/first.txt") and (tmp_path / "page.txt").read_text() == "first.txt" * 2
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.*")}
    assert run_all(STEPS, tmp_path, dispatch) == 0 and len(done) == 3
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.*")} == before


def test_what_changed_is_done_again(tmp_path: Path) -> None:
    run_all(STEPS, tmp_path, made)
    (tmp_path / "b/y.txt").unlink()
    assert run_all(STEPS, tmp_path, made) == 1
    # Its command reads another file now; what it leaves is the same, so the page stands.
    (tmp_path / "a/first.txt").write_text("edited")
    assert run_all(STEPS, tmp_path, made) == 1
    (tmp_path / "steps/page.json").write_text("{")
    assert run_all(STEPS, tmp_path, made) == 1
    assert run_all([*STEPS[:2], Step("other", "other.txt", line=("make", "another")), STEPS[3]], tmp_path, made) == 1
    # Where data lie changes nothing.
    assert run_all([Step("first", "a/first.txt", line=("make", "first")), *STEPS[1:2]], tmp_path, made) == 0


def test_a_file_of_the_user_counts_and_goes_by_its_name(tmp_path: Path) -> None:
    data = tmp_path / "mine.npz"
    data.write_text("1")
    step = Step("one", "out.txt", line=("train", "--data", str(data)), data=data)
    assert step.command == "tfsnn train --data mine.npz --out out.txt"
    run_all([step], tmp_path / "top", made)
    assert str(tmp_path) not in (tmp_path / "top/steps/one.json").read_text() and step.done(tmp_path / "top")
    data.write_text("2")
    assert not step.done(tmp_path / "top")


def test_needed() -> None:
    assert [step.name for step in needed(STEPS, ["page"])] == ["first", "second", "page"]
    assert [step.name for step in needed(STEPS, ["other"])] == ["other"]


def test_a_command_that_fails_ends_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="reproduce: tfsnn make first --out a/first.txt ended with code 1; mend that, and call reproduce"):
        run_all(STEPS, tmp_path, lambda words: 1)
    assert not (tmp_path / "steps/first.json").exists()


def test_kills_lose_the_step_in_progress(tmp_path: Path) -> None:
    folder, log, draw = tmp_path / "top", tmp_path / "log", random.Random(0)
    words = [sys.executable, "-c", SLOW, str(folder), str(log)]
    for _ in range(KILLS):
        process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        time.sleep(draw.uniform(0, 0.25))
        process.kill()
        process.communicate()
    subprocess.run(words, check=True, capture_output=True)
    begun = Counter(log.read_text().split())
    assert set(begun) == {"first", "first.txt", "other"} and sum(begun.values()) <= 3 + KILLS
    assert run_all(STEPS, folder, made) == 0 and (folder / "page.txt").read_text() == "first.txt" * 2
    assert not [path for path in folder.rglob(".tfsnn-*") if path.is_file()]
