"""``tfsnn reproduce`` killed twenty times at drawn moments: no kill loses more than the steps in progress, and the result is the same."""

from __future__ import annotations

import random
import re
import signal
import subprocess
import sys
from pathlib import Path
from time import perf_counter

import numpy as np
import pytest

from tests.train_parts import bars

KILLS = 20
RESULTS = ("table1/table1.md", "table1/table1.csv", "table1/table1.json", "fig3.png", "results.md")


def line(data: Path, out: Path) -> list[str]:
    """The command; the recipe holds 5,000 frames out, so the tiny data have 5,400."""
    words = ["reproduce", "aicas2019", "--only", "table1,fig3", "--seeds", "2", "--data", str(data), "--epochs", "2", "--out", str(out)]
    return [sys.executable, "-m", "tfsnn", *words]


def numbers(text: str, words: str = "") -> list[int]:
    """Numbers of the steps that a call began, or of those that it says were done."""
    return [int(number) for number in re.findall(rf"^{words}\[(\d+)/\d+\]", text, re.MULTILINE)]


def attempt(data: Path, out: Path, seconds: float) -> tuple[bool, str]:
    """A call that is killed after so many seconds: whether it was, and what it said."""
    with subprocess.Popen(line(data, out), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        try:
            _, text = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            _, text = process.communicate()
    return process.returncode != 0, text


@pytest.mark.slow
def test_twenty_kills(tmp_path: Path) -> None:
    train, test = bars(5400, 0), bars(40, 1)
    data = tmp_path / "bars.npz"
    np.savez(data, train_x=train.x, train_y=train.y, test_x=test.x, test_y=test.y)
    start = perf_counter()
    first = subprocess.run(line(data, tmp_path / "whole"), capture_output=True, text=True, check=True)
    seconds, steps = perf_counter() - start, len(numbers(first.stderr))
    assert f"did {steps} of {steps} steps" in first.stdout
    draw, kills, rounds, ended = random.Random(0), 0, 0, set[int]()
    while kills < KILLS:
        killed, text = attempt(data, tmp_path / f"round{rounds}", draw.uniform(0, 0.8 * seconds))
        assert not ended.intersection(numbers(text)), (ended, text)
        ended |= set(numbers(text, "done: "))
        kills += killed
        if not killed:
            rounds, ended = rounds + 1, set()
    out = tmp_path / f"round{rounds}"
    subprocess.run(line(data, out), capture_output=True, check=True)
    for number in range(rounds + 1):
        for name in RESULTS:
            whole, found = (tmp_path / folder / "aicas2019" / name for folder in ("whole", f"round{number}"))
            assert found.read_bytes() == whole.read_bytes(), (number, name)
    again = subprocess.run(line(data, out), capture_output=True, text=True, check=True)
    assert f"nothing to do: all {steps} steps were done before" in again.stdout and not numbers(again.stderr)
    assert not [path for path in (out / "aicas2019").rglob("*") if path.name.startswith(".")]
