"""``tfsnn reproduce`` killed twenty times at drawn moments: no kill loses more than the step in progress, and the result is the same."""

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
    words = ["reproduce", "aicas2019", "--only", "table1,fig3", "--data", str(data), "--epochs", "3", "--out", str(out)]
    return [sys.executable, "-m", "tfsnn", *words]


def announced(text: str) -> list[int]:
    """Numbers of the steps that a call began."""
    return [int(number) for number in re.findall(r"^\[(\d+)/\d+\]", text, re.MULTILINE)]


def attempt(data: Path, out: Path, seconds: float) -> tuple[bool, list[int]]:
    """A call that is killed after so many seconds: whether it was, and the steps that it began."""
    with subprocess.Popen(line(data, out), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        try:
            _, text = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            _, text = process.communicate()
    return process.returncode != 0, announced(text)


@pytest.mark.slow
def test_twenty_kills(tmp_path: Path) -> None:
    train, test = bars(5400, 0), bars(40, 1)
    data = tmp_path / "bars.npz"
    np.savez(data, train_x=train.x, train_y=train.y, test_x=test.x, test_y=test.y)
    start = perf_counter()
    first = subprocess.run(line(data, tmp_path / "whole"), capture_output=True, text=True, check=True)
    seconds, steps = perf_counter() - start, len(announced(first.stderr))
    assert f"did {steps} of {steps} steps" in first.stdout
    draw, kills, rounds, last = random.Random(0), 0, 0, 1
    while kills < KILLS:
        killed, begun = attempt(data, tmp_path / f"round{rounds}", draw.uniform(0, 0.8 * seconds))
        # The first step of a call is the one that was in progress at the kill before, or the next if that had just ended.
        assert not begun or begun[0] in (last, last + 1), (begun, last)
        last = begun[-1] if begun else last
        kills += killed
        if not killed:
            rounds, last = rounds + 1, 1
    out = tmp_path / f"round{rounds}"
    subprocess.run(line(data, out), capture_output=True, check=True)
    for number in range(rounds + 1):
        for name in RESULTS:
            whole, found = (tmp_path / folder / "aicas2019" / name for folder in ("whole", f"round{number}"))
            assert found.read_bytes() == whole.read_bytes(), (number, name)
    again = subprocess.run(line(data, out), capture_output=True, text=True, check=True)
    assert f"nothing to do: all {steps} steps were done before" in again.stdout and not announced(again.stderr)
    assert not [path for path in (out / "aicas2019").rglob("*") if path.name.startswith(".")]
