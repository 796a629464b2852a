"""`tfsnn check`: a verdict on every layer, exit code 0 or 1, and no TensorFlow."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.convert_parts import sequential
from tests.keras_files import numbers
from tests.keras_files import sequential as config
from tests.keras_files import write
from tfsnn.__main__ import main

BAD = (
    *("Lambda(lambda x: x * 2, name='a')", "Conv2D(3, 3, activation='exponential', name='b')"),
    *("LayerNormalization(name='c')", "Masking(name='d')"),
)


def test_a_model_that_converts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sequential((8, 7, 2), "Conv2D(3, 3, name='conv')", "BatchNormalization(name='norm')", "ReLU(name='act')").save(tmp_path / "m.keras")
    assert main(["check", str(tmp_path / "m.keras")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines[:5]] == [
        ["layer", "class", "verdict"],
        ["input", "InputLayer", "converts"],
        ["conv", "Conv2D", "converts"],
        ["norm", "BatchNormalization", "converts"],
        ["act", "ReLU", "converts"],
    ]
    assert not any("scale" in line for line in lines)
    assert "all 4 layers convert" in lines and any("conv 3x3, relu, output" in line for line in lines)


def test_slopes_show_in_the_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sequential((8,), "Dense(3)", "LeakyReLU(0.1)", "Dense(3)", "PReLU()", "Dense(3, activation='relu')").save(tmp_path / "m.keras")
    assert main(["check", str(tmp_path / "m.keras")]) == 0
    text = capsys.readouterr().out
    assert all(f"dense, {what}" in text for what in ("leaky relu", "parametric relu", "relu, output"))


def test_all_problems_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sequential((8, 7, 2), *BAD).save(tmp_path / "m.h5")
    assert main(["check", str(tmp_path / "m.h5")]) == 1
    text = capsys.readouterr().out
    for row in ("a      Lambda", "b      Conv2D", "c      LayerNormalization", "d      Masking"):
        assert row in text
    assert "code, which is never run; if it only scales, say how" in text and "activation 'exponential'; replace it by one of" in text
    assert text.endswith("4 of 5 layers cannot be converted\n")


def test_what_the_user_adds_counts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sequential((None, None, 2), BAD[0], "Conv2D(3, 3)").save(tmp_path / "m.h5")
    assert main(["check", str(tmp_path / "m.h5")]) == 1
    text = capsys.readouterr().out
    assert "InputLayer  shape (None, None, 2) is not fixed" in text and "Lambda      code, which is never run" in text
    assert main(["check", str(tmp_path / "m.h5"), "--input-shape", "8x7x2", "--lambda", "x * 2"]) == 0


def test_a_sequential_model_that_records_no_shape(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weights = {"layer_0": [("layer_0/kernel:0", numbers(3, 3, 2, 4)), ("layer_0/bias:0", numbers(4))]}
    path = write(tmp_path / "m.h5", config(("Conv2D", {"filters": 4, "kernel_size": [3, 3]})), weights)
    assert main(["check", str(path)]) == 1
    assert "the model records no shape; give it with --input-shape" in capsys.readouterr().out
    assert main(["check", str(path), "--input-shape", "8x7x2"]) == 0
    assert "6x5x4" in capsys.readouterr().out


def test_notes_are_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    layers = config(("Flatten", {"batch_input_shape": (None, 4, 3), "dim_ordering": "th"}))["config"]["layers"]
    write(tmp_path / "m.h5", {"class_name": "Sequential", "config": layers}, version="1.2.1", backend=None)
    assert main(["check", str(tmp_path / "m.h5")]) in (0, 1)
    assert "note: Keras 1 does not record its backend" in capsys.readouterr().out


def test_a_file_that_is_no_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "m.h5").write_text("nothing")
    assert main(["check", str(tmp_path / "m.h5")]) == 2
    assert capsys.readouterr().err.startswith("error: ")


@pytest.mark.parametrize("texts", [("Conv2D(3, 3)",), BAD], ids=["good", "bad"])
def test_tensorflow_is_not_imported(texts: tuple[str, ...], tmp_path: Path) -> None:
    sequential((8, 7, 2), *texts).save(tmp_path / "m.keras")
    code = (
        "import sys; from tfsnn.__main__ import main; code = main(['check', sys.argv[1]]);"
        "heavy = {'tensorflow', 'keras', 'numba', 'matplotlib'} & set(sys.modules); sys.exit(code + 10 * len(heavy))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "m.keras")], capture_output=True, timeout=120, check=False)
    assert done.returncode == (texts is BAD), done.stderr.decode()
