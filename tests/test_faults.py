"""Kills, signals, full disks, places that cannot be written and two runs at once: nothing lost, nothing left, nothing taken for whole.

``make faults`` draws sixty kills; the default is one of each command, so that the suite stays short.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from tests.evaluate_parts import DELAY, dataset, net
from tests.keras_files import numbers, sequential, write
from tests.train_parts import write_bars
from tfsnn.artifact import load, save
from tfsnn.errors import TfsnnError

KILLS = int(os.environ.get("TFSNN_KILLS", "3"))
RUNS = {
    "train": """
from dataclasses import replace
from tests.train_parts import recipe
from tfsnn.train.run import train
work = lambda: train(replace(recipe(sys.argv[1]), epochs=3), sys.argv[2])
""",
    "convert": """
from tfsnn.__main__ import main
import tfsnn.convert.command
work = lambda: sys.exit(main(["convert", sys.argv[1], "--out", sys.argv[2]]))
""",
    "evaluate": """
from tfsnn.__main__ import main
import tfsnn.evaluate.pipeline
words = ["evaluate", sys.argv[1], "--data", sys.argv[3], "--out", sys.argv[2], "--thresholds", "0.1,0.5", "--absolute"]
work = lambda: sys.exit(main(words))
""",
}
# What takes seconds and writes nothing is over before anything is killed. A shell that runs the tests in the background
# has its children ignore interrupts.
READY = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
{}
print('ready', flush=True)
sys.stdin.readline()
work()
"""


def inputs(folder: Path) -> dict[str, tuple[Path, ...]]:
    """A data set, a Keras model, and a network with its data, all tiny."""
    layers = ("Dense", {"units": 3, "batch_input_shape": [None, 4], "activation": "relu"}), ("Dense", {"units": 2})
    weights = {
        f"layer_{i}": [(f"layer_{i}/kernel:0", numbers(*shape)), (f"layer_{i}/bias:0", numbers(shape[1]))]
        for i, shape in enumerate(((4, 3), (3, 2)))
    }
    save(net(), folder / "net.snn.h5")
    x, y = dataset(encoder=DELAY).test
    np.savez(folder / "dots.npz", x=x, y=y)
    return {
        "train": (write_bars(folder / "bars.npz"),),
        "convert": (write(folder / "model.h5", sequential(*layers), weights),),
        "evaluate": (folder / "net.snn.h5", folder / "dots.npz"),
    }


def started(command: str, given: tuple[Path, ...], out: Path, before: str = "", **options: Any) -> subprocess.Popen[str]:
    words = [str(given[0]), str(out), *map(str, given[1:])]
    environment = os.environ | {"TFSNN_PROGRESS": "0", "TF_CPP_MIN_LOG_LEVEL": "3"}
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen([sys.executable, "-c", READY.format(RUNS[command] + before), *words], env=environment, **pipes, **options)
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    return process


def go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    _, err = process.communicate("\n", timeout=300)
    return process.returncode, err


def whole(command: str, out: Path) -> bool:
    """Whether a result is there: all of it, or (False) nothing of it."""
    if command == "convert":
        try:
            return out.exists() and load(out).graph.neurons == 5
        except TfsnnError:
            pytest.fail("half a network was taken for a whole one")
    names = {"train": ("model.h5", "training.png"), "evaluate": ("report.html", "layers.png")}[command]
    summary = out / {"train": "train.json", "evaluate": "report.json"}[command]
    if not summary.exists():
        assert not out.exists() or not any(path for path in out.iterdir() if not path.name.startswith(".tfsnn-"))
        return False
    json.loads(summary.read_text())
    return all((out / name).stat().st_size > 0 for name in names)


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob(".tfsnn-*"))


@pytest.mark.parametrize("command", RUNS)
def test_kills_at_drawn_moments(command: str, tmp_path: Path) -> None:
    given, rng = inputs(tmp_path)[command], random.Random(command)
    (tmp_path / "reference").mkdir()
    process = started(command, given, tmp_path / "reference" / "out")
    begin = time.monotonic()
    assert ended(process)[0] == 0
    duration = time.monotonic() - begin
    place = tmp_path / "killed"
    place.mkdir()
    for _ in range(max(1, KILLS // len(RUNS))):
        process = started(command, given, place / "out")
        go(process)
        time.sleep(rng.random() * duration)
        process.kill()
        process.communicate()
        if whole(command, place / "out"):
            # It had ended before; the next one begins anew.
            place = tmp_path / f"{place.name}s"
            place.mkdir()
    if not whole(command, place / "out"):
        # What killed runs have left does not stand in the way, and goes.
        code, err = ended(started(command, given, place / "out"))
        assert code == 0 and "is not empty" not in err, err
    assert whole(command, place / "out") and left(tmp_path) == []
    if command == "train":
        first, second = (h5py.File(tmp_path / name / "out" / "model.h5") for name in ("reference", place.name))
        with first, second:
            found: dict[str, Any] = {}
            first["model_weights"].visititems(lambda name, item: found.update({name: item}) if isinstance(item, h5py.Dataset) else None)
            assert found and all(np.array_equal(item[()], second["model_weights"][name][()]) for name, item in found.items())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_signals_leave_nothing(number: signal.Signals, tmp_path: Path) -> None:
    process = started("evaluate", inputs(tmp_path)["evaluate"], tmp_path / "out", SLOWLY)
    go(process)
    assert process.stdout is not None and process.stdout.readline() == "writing\n"
    process.send_signal(number)
    _, err = process.communicate(timeout=300)
    assert process.returncode == (130 if number == signal.SIGINT else 128 + number) and "Traceback" not in err, err
    assert left(tmp_path) == [] and not (tmp_path / "out").exists()


SLOWLY = """
import time
from pathlib import Path
from tfsnn.evaluate.pipeline import plots
drawn = plots.draw
def draw(content, place):
    captions = drawn(content, place)
    print("writing", flush=True)
    time.sleep(60)
    return captions
plots.draw = draw
"""
ADVICE = "make room, raise the limit, or choose another place"
LIMITED = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))\n"


@pytest.mark.parametrize("command", ["convert", "evaluate"])
def test_a_limit_on_files_is_one_line_and_the_old_stays(command: str, tmp_path: Path) -> None:
    given, out = inputs(tmp_path)[command], tmp_path / "new" / "out"
    code, err = ended(started(command, given, out, LIMITED))
    # TensorFlow prints on stderr what it finds before it reads how loud it may be.
    lines = [line for line in err.splitlines() if line.startswith(("error", "Traceback"))]
    assert code == 2 and lines == [f"error: {out}: cannot be written (file too large; nothing was changed); {ADVICE}"], err
    assert left(tmp_path) == [] and not out.parent.exists()


def test_two_runs_at_once(tmp_path: Path) -> None:
    given = inputs(tmp_path)["convert"]
    runs = [started("convert", given, tmp_path / "out") for _ in range(2)]
    for process in runs:
        go(process)
    codes = sorted(ended(process)[0] for process in runs)
    assert codes in ([0, 2], [0, 0]) and whole("convert", tmp_path / "out") and left(tmp_path) == []


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_place_that_cannot_be_written_is_said_before_the_work(tmp_path: Path) -> None:
    given = inputs(tmp_path)["convert"]
    (tmp_path / "closed").mkdir(mode=0o500)
    code, err = ended(started("convert", given, tmp_path / "closed" / "out"))
    assert code == 2 and "nothing can be written in" in err
