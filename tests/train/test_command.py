"""``tfsnn train`` as it is typed."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.train_parts import recipe, write_bars
from tfsnn.__main__ import main
from tfsnn.train.recipes import RECIPES

Capture = pytest.CaptureFixture[str]


def test_train(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.setitem(RECIPES, "bars", recipe(write_bars(tmp_path / "bars.npz")))
    out = tmp_path / "out"
    assert main(["train", "bars", "--out", str(out), "--epochs", "1", "--seed", "4"]) == 0
    said, errors = capsys.readouterr()
    first, *_, last = said.splitlines()
    assert first.startswith("split") and last == f"wrote {out / 'model.h5'}, {out / 'train.json'}, {out / 'training.png'}"
    assert errors == ""
    assert main(["train", "bars", "--out", str(out)]) == 2
    assert capsys.readouterr().err == f"error: {out}: is not empty already; choose another name, or overwrite with --force\n"
    write_bars(tmp_path / "others.npz")
    assert main(["train", "bars", "--data", str(tmp_path / "others.npz"), "--out", str(out), "--epochs", "1", "--force"]) == 0
    assert json.loads((out / "train.json").read_text())["dataset"]["name"] == "others.npz"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["bares"],
            f"error: recipe 'bares' is unknown; choose one of {', '.join(RECIPES)}\n",
        ),
        (["mnist", "--data-dir", "nowhere"], "error: data set mnist: nowhere is no directory; make it, or name the one that"),
        (["digits", "--epochs", "0"], "error: train: 0 epochs; at least 1 is needed\n"),
        (["digits", "--epochs", "many"], "error: argument --epochs: invalid int value: 'many'; see tfsnn train --help\n"),
        (["digits", "--seed", "-1"], "error: seed -1: NumPy takes whole numbers from 0 to 4294967295\n"),
    ],
)
def test_errors_leave_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture, words: list[str], message: str) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["train", *words, "--out", "out"]) == 2
    said, errors = capsys.readouterr()
    assert said == "" and errors.startswith(message) and errors.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_interrupted_training_leaves_its_checkpoint_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    def interrupt(report: object, path: Path) -> None:
        raise KeyboardInterrupt

    data = write_bars(tmp_path / "bars.npz")
    monkeypatch.setitem(RECIPES, "bars", replace(recipe(data), epochs=1))
    monkeypatch.setattr("tfsnn.train.run.training_curves", interrupt)
    assert main(["train", "bars", "--out", str(tmp_path / "out")]) == 130
    assert capsys.readouterr().err == "interrupted\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == [".tfsnn-out.training", Path(data).name]


def test_import_is_light() -> None:
    script = "import sys, tfsnn.train.command; print(*sorted({'tensorflow', 'keras', 'matplotlib', 'sklearn'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.strip() == ""
