"""``tfsnn evaluate``: what it prints, what it refuses, and that asking for help costs nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.evaluate_parts import dataset, evaluated, net
from tfsnn import artifact
from tfsnn.__main__ import main
from tfsnn.errors import InputError
from tfsnn.evaluate.command import summary, thresholds

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str, str]:
    """A network, data for it, and where the report may go."""
    split = dataset().test
    artifact.save(net(), tmp_path / "dots.snn.h5")
    np.savez(tmp_path / "dots.npz", x=split.x, y=split.y)
    return str(tmp_path / "dots.snn.h5"), str(tmp_path / "dots.npz"), str(tmp_path / "out")


def test_evaluates(files: tuple[str, str, str], capsys: Capture) -> None:
    network, data, out = files
    line = [
        "evaluate",
        network,
        "--data",
        data,
        "--out",
        out,
        "--thresholds",
        "0.1,0.5",
        "--absolute",
        "--samples",
        "6",
    ]
    assert main(line) == 0
    shown, complaints = capsys.readouterr()
    assert complaints == ""
    lines = shown.splitlines()
    assert lines[0].split()[:5] == "network accuracy 95 % interval".split()
    assert [line.split(" %")[0].rsplit(None, 1)[0].strip() for line in lines[1:4]] == [
        "integer network, encoded frames", "event network, T = 0.1", "event network, T = 0.5",
    ]  # fmt: skip
    assert "zero-skipping ANN" in shown and "the first 6 test frames" in shown and "report.html" in lines[-1]
    assert (Path(out) / "report.json").is_file()
    assert main(line) == 2
    assert "is not empty already" in capsys.readouterr().err
    assert main([*line, "--force", "--spikes", "signed", "--schedule", "spike", "--spiking-output", "--bins", "2"]) == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--thresholds", "0.1,abc"], "--thresholds: 'abc' is no number; give positive numbers, as in 0.02,0.05,0.1"),
        (["--thresholds", "0.1,,0.2"], "--thresholds: '' is no number"),
        (["--thresholds", "nan"], "--thresholds: nan is not allowed; give positive numbers"),
        (["--thresholds", "0.1,0"], "--thresholds: 0 is not allowed"),
        (["--thresholds=-1"], "--thresholds: -1 is not allowed"),
        (["--thresholds", "inf"], "--thresholds: inf is not allowed"),
        (["--spikes", "loud"], "argument --spikes: invalid choice: 'loud'"),
        (["--samples", "many"], "argument --samples: invalid int value: 'many'"),
        (["--samples", "0"], "evaluate: samples is 0; take at least 1"),
        (["--bins", "-2"], "encoder: bins is -2"),
        (["--absolute", "--lsb"], "argument --lsb: not allowed with argument --absolute"),
        (["--data", "digits"], "frames of digits have shape (8, 8, 1), the network's input (3, 3, 1)"),
        (["--data", "fashion"], "data set 'fashion' is unknown"),
        (["--out", __file__], "exists and is no directory; name a directory"),
    ],
)
def test_one_clean_line(files: tuple[str, str, str], capsys: Capture, options: list[str], message: str) -> None:
    network, data, out = files
    assert main(["evaluate", network, "--data", data, "--out", out, *options]) == 2
    shown, complaint = capsys.readouterr()
    assert shown == "" and complaint.startswith("error: ") and complaint.count("\n") == 1 and message in complaint
    assert not Path(out).exists()


def test_changed_network(files: tuple[str, str, str], capsys: Capture) -> None:
    network, data, out = files
    content = bytearray(Path(network).read_bytes())
    content[-9] ^= 1
    Path(network).write_bytes(content[: len(content) // 2])
    assert main(["evaluate", network, "--data", data, "--out", out]) == 2
    assert capsys.readouterr().err.count("\n") == 1 and not Path(out).exists()


def test_thresholds() -> None:
    assert thresholds(None) is None and thresholds(" 1e-2 , 3") == (0.01, 3.0)
    with pytest.raises(InputError, match="'0.1;0.2' is no number"):
        thresholds("0.1;0.2")


def test_summary_marks_the_row_spoken_of() -> None:
    found = evaluated()[2]
    marked = [line for line in summary(found).splitlines() if line.endswith("<")]
    assert len(marked) == 1 and f"T = {found['headline']['threshold']:g} " in marked[0]


def test_summary_of_errors() -> None:
    shown = summary(evaluated(outputs=1)[2])
    assert shown.splitlines()[0].split()[:2] == ["network", "rmse"] and "errs by" in shown


def test_light_to_import() -> None:
    heavy = "{'tensorflow', 'keras', 'matplotlib', 'numba', 'sklearn', 'tensorflow_datasets'}"
    code = f"import sys, tfsnn.evaluate.command, tfsnn.evaluate.inspect; print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
