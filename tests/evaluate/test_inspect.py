"""``tfsnn inspect``: everything that a file holds, for people and for programs, without TensorFlow."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.evaluate.baselines.test_ann import papers_network
from tests.evaluate_parts import by_channel, net
from tests.nets import branches
from tfsnn import artifact
from tfsnn.__main__ import main
from tfsnn.artifact import Net
from tfsnn.evaluate.inspect import describe

Capture = pytest.CaptureFixture[str]
VERIFIED = {
    "samples": 16,
    "keras": {"out": 4.1e-7},
    "layers": {"first": {"largest": 1.824, "difference": 0.03115}, "out": {"largest": 2.5, "difference": 0.25}},
}


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    """A network in a file."""
    history: dict[str, Any] = {"command": "convert", "inputs": {"model.h5": "ab12"}, "seed": None, "notes": []}
    artifact.save(replace(net(), provenance=history, verification=VERIFIED), tmp_path / "dots.snn.h5")
    return tmp_path / "dots.snn.h5"


def test_for_people(stored: Path, capsys: Capture) -> None:
    assert main(["inspect", str(stored)]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith(str(net().graph))
    for line in (
        "input in: kind delay, scale 0.25, threshold 0.2",
        f"{stored.stat().st_size:,} bytes of file, 94 of weights, 96 of state a sample (in int32)",
        "62 MACs a frame with border taps counted",
        "  command: convert\n  inputs\n    model.h5: ab12\n  notes: []\n  seed: -",
        "  keras\n    out: 4.1e-07\n  samples: 16",
    ):
        assert line in shown
    assert shown.splitlines()[-3:] == [
        "layer  difference  largest", "first     0.03115    1.824", "out          0.25      2.5",
    ]  # fmt: skip
    assert "AICAS" not in shown


def test_for_programs(stored: Path, capsys: Capture) -> None:
    assert main(["inspect", str(stored), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["file"] == {"name": "dots.snn.h5", "bytes": stored.stat().st_size}
    assert found["verification"] == VERIFIED and found["outputs"] == ["out"]
    assert found["inputs"] == [{"name": "in", "shape": [3, 3, 1], "encoder": net().graph.inputs[0].encoder.to_json()}]
    assert [population["kind"] for population in found["populations"]] == ["input", "neurons", "neurons", "neurons"]
    assert found["sizes"]["dense_macs"] == sum(p.get("dense_macs", 0) for p in found["populations"]) == 62


def test_every_kind_of_population() -> None:
    found = {population["name"]: population for population in describe(Net(branches()))["populations"]}
    assert found["pool"] == {"name": "pool", "shape": [2, 2, 2], "neurons": 8, "kind": "max pooling", "hears": ["in"]}
    assert found["merged"]["hears"] == ["in", "pool"] and found["merged"]["operations"] == ["Conv", "OneToOne"]
    assert found["inner"]["dense_macs_with_borders"] > found["inner"]["dense_macs"]


def test_without_a_history(tmp_path: Path, capsys: Capture) -> None:
    artifact.save(Net(by_channel(papers_network())), tmp_path / "net.snn.h5")
    assert main(["inspect", str(tmp_path / "net.snn.h5")]) == 0
    shown = capsys.readouterr().out
    assert "1,043,712 MACs a frame with border taps counted, 455,712 as counted in AICAS 2019" in shown
    assert "provenance" not in shown and "verification" not in shown


def test_no_network(tmp_path: Path, capsys: Capture) -> None:
    assert main(["inspect", str(tmp_path / "absent.snn.h5")]) == 2
    assert "absent.snn.h5: no such file" in capsys.readouterr().err


def test_needs_no_tensorflow(stored: Path) -> None:
    code = (
        "import sys; from tfsnn.__main__ import main; main(['inspect', sys.argv[1]]); "
        "print({'tensorflow', 'numba', 'matplotlib'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(stored)], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "set()"
