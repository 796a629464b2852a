"""``tfsnn reproduce`` on tiny data: real commands, their tables and figures, and the second call that does nothing."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.evaluate_parts import net, pixels, watched
from tests.train_parts import recipe, write_bars
from tfsnn import artifact
from tfsnn.__main__ import main
from tfsnn.evaluate.reproduce import figures, tables
from tfsnn.evaluate.reproduce.papers import PAPERS, Options, results_of, steps_of
from tfsnn.evaluate.reproduce.published import AICAS_1, JETCAS_1, JETCAS_2
from tfsnn.train import recipes

Capture = pytest.CaptureFixture[str]


@pytest.mark.parametrize("paper", PAPERS)
def test_steps_read_what_others_before_them_write(paper: str) -> None:
    steps = steps_of(paper, Options(seeds=2, data_dir="somewhere"))
    known: set[str] = set()
    for step in steps:
        assert set(step.inputs) <= known and not known & set(step.outputs)
        known |= set(step.outputs)
    assert len({step.name for step in steps}) == len(steps)
    assert all("somewhere" not in step.command for step in steps)
    names = {"aicas2019": "table1 fig1 fig2 fig3 fig4", "jetcas2019": "table1 fig2 fig3 fig4 fig5 table2 fig6 fig7 memory"}
    assert results_of(steps) == names[paper].split()


def test_options_show_in_the_commands_and_labels() -> None:
    options = Options(data="small", epochs=3, samples=50)
    lines = [step.command for step in steps_of("jetcas2019", options) if step.line]
    assert all("--epochs 3" in line for line in lines if line.startswith("tfsnn train"))
    assert all("--samples 50" in line for line in lines if " --stream" in line or "--baselines" in line)
    assert [text.split(".")[0] for text in options.labels(options.data, "mnist")] == [
        *("IN PLACE OF mnist: small", "TRAINED FOR 3 EPOCHS in place of the recipe's", "ON THE FIRST 50 TEST SAMPLES"),
    ]
    assert Options().labels("mnist", "mnist") == []


def test_end_to_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    bars = write_bars(tmp_path / "bars.npz")
    monkeypatch.setitem(recipes.RECIPES, "mnist_aicas", replace(recipe(str(bars)), name="mnist_aicas", epochs=1))
    line = ["reproduce", "aicas2019", "--out", str(tmp_path / "out"), "--data", str(bars), "--only", "table1,fig4", "--jobs", "1"]
    assert main(line) == 0
    top = tmp_path / "out" / "aicas2019"
    assert "did 7 of 7 steps" in capsys.readouterr().out
    lines = (top / "table1/table1.csv").read_text(encoding="utf-8").splitlines()
    rows = list(csv.DictReader(lines))
    assert [row["row"] for row in rows[:5]] == [row.model for row in AICAS_1[:5]] and rows[0]["data"] == "bars.npz, 40 of 40 test images"
    assert rows[5]["SNN"] == rows[5]["operations"] == "quoted" and "1.0" in rows[0]["row"] and rows[-1]["operations"].endswith("MACs")
    content = json.loads((top / "table1/table1.json").read_text())
    report = json.loads((top / "seed0/report/report.json").read_text())
    assert content["rows"][0]["measured"][0]["accuracy"] == report["rows"][0]["accuracy"]
    assert content["rows"][0]["measured"][0]["paired_with_ann"].keys() == {"only_first", "only_second", "p"}
    assert content["rows"][2]["measured"][0]["words"] == "rate coding, 25 steps"
    assert content["commands"][0] == "tfsnn train mnist_aicas --data bars.npz --seed 0 --out seed0/train"
    assert report["selection"]["on"] == "held-out" and report["selection"]["samples"] == 40
    page = (top / "results.md").read_text()
    assert "IN PLACE OF mnist: bars.npz." in page and "![AICAS Fig. 4: accuracy over operations](fig4.png)" in page
    html = (top / "results.html").read_text()
    assert html.count("<h2") == 2 and "IN PLACE OF mnist: bars.npz." in html and "data:image/png;base64," in html
    assert str(tmp_path) not in page + html
    assert pixels(top / "fig4.png") and not (top / "fig1.png").exists()
    assert main(line) == 0
    assert "nothing to do: all 7 steps were done before" in capsys.readouterr().out
    (top / "fig4.png").unlink()
    assert main(line) == 0
    assert "did 1 of 7 steps" in capsys.readouterr().out


@pytest.mark.parametrize(
    "options, message",
    [
        (["--only", "fig9"], "--only: 'fig9' is not in this paper; choose among table1, fig1, fig2, fig3, fig4"),
        (["--seeds", "0"], "--seeds 0; give 1 or more"),
        (["--jobs", "0"], "--jobs 0; give 1 or more"),
    ],
)
def test_one_clean_line(tmp_path: Path, capsys: Capture, options: list[str], message: str) -> None:
    assert main(["reproduce", "aicas2019", "--out", str(tmp_path / "out"), *options]) == 2
    assert message in capsys.readouterr().err and not (tmp_path / "out").exists()


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "aicas2019").mkdir()
    (tmp_path / "aicas2019" / "mine.txt").write_text("mine")
    assert main(["reproduce", "aicas2019", "--out", str(tmp_path)]) == 2
    assert "is not empty already; choose another name" in capsys.readouterr().err


@pytest.mark.parametrize("start", [["-m", "tfsnn"], ["-c", "import sys, tfsnn.__main__; sys.exit(tfsnn.__main__.main())"]])
def test_steps_in_other_processes_however_it_is_started(tmp_path: Path, start: list[str]) -> None:
    words = ["reproduce", "aicas2019", "--only", "table1", "--data", "nowhere", "--jobs", "2", "--out", str(tmp_path)]
    done = subprocess.run([sys.executable, *start, *words], capture_output=True, text=True)
    assert done.returncode == 2 and done.stderr.count("Traceback") == 0
    message = r"^error: reproduce: tfsnn train mnist_aicas .* ended with code 2 \(error: .*nowhere.*\.log\); mend that"
    assert re.search(message, done.stderr, re.MULTILINE)


def entry(threshold: float, accuracy: float) -> dict[str, Any]:
    settings = {"threshold": threshold, "unit": "absolute", "spikes": "signed", "schedule": "spike"}
    counts = {"spikes_per_neuron": 0.2, "synaptic_operations": 1000.0, "paired_with_ann": {"only_first": 1, "only_second": 3, "p": 0.6}}
    return settings | {"accuracy": accuracy, "accuracy_ci95": [accuracy - 0.01, accuracy + 0.01]} | counts


def report(accuracy: float) -> dict[str, Any]:
    coded = {"accuracy": 0.9, "accuracy_ci95": [0.8, 0.95], "spikes_per_neuron": 0.5, "synaptic_operations": 7.0, "input_macs": 11}
    names: list[dict[str, Any]] = [{"name": name, "duration": length} for name, length in (("rate", 15.0), ("rate", 25.0), ("ttfs", 8.0))]
    return {
        "dataset": {"name": "dots", "samples": 12, "available": 100},
        "headline": {"row": 0},
        "selection": {"on": "train"},
        "baselines": {
            "ann": {"accuracy": 0.97, "accuracy_ci95": [0.9, 0.99], "operations": 900},
            "zero_skipping": {"operations": 300.0},
            "quantized": [{"threshold": 1.0, "accuracy": 0.5}, {"threshold": 2.0, "accuracy": 0.4}],
            "coded": [name | coded for name in names],
        },
        "rows": [entry(1.0, accuracy), entry(2.0, 0.6)],
    }


def test_seeds_have_a_mean_and_a_spread() -> None:
    table = tables.mnist("table1", "Title", JETCAS_1, [report(0.9), report(0.96)], [report(0.95)], ["a note"], ["tfsnn train"])
    cells = dict(zip(table.head, table.rows[0]))
    assert cells["SNN"] == "93.00 % (90.00 % to 96.00 %, 2 seeds)" and cells["95 % interval"] == "89.00 % to 91.00 % (seed 0)"
    assert cells["data"] == "dots, 12 of 100 test images" and cells["only SNN / only ANN right, p"] == "1 / 3, p = 0.6"
    rate = dict(zip(table.head, table.rows[2]))
    assert rate["operations"] == "7 (7 to 7, 2 seeds) and 11 MACs of the analog input" and rate["paper: spikes/neuron"] == "0.48"
    assert dict(zip(table.head, table.rows[-2]))["SNN"] == "95.00 %"
    text = table.markdown()
    assert "- a note" in text and "    tfsnn train" in text and text.count("\n|") == 2 + len(JETCAS_1) + 2
    assert {len(row) for row in table.rows} == {len(table.head)}


def test_gestures_take_the_papers_window_or_whole_recordings() -> None:
    rows = [{"threshold": 64.0, "window_ms": length, "accuracy": 0.5, "accuracy_ci95_recordings": [0.4, 0.6], "operations_a_second": 1e6}
            for length in (64.0, None)]
    windows = {
        "rows": rows,
        "frame_based": {"value": 0.7},
        "network": {"neurons": 10, "parameters": 20},
        "dataset": {"name": "made", "recordings": 3},
    }
    table = tables.gestures(JETCAS_2, windows, "made IN PLACE OF DVS128 Gesture", [], [])
    cells = dict(zip(table.head, table.rows[0]))
    assert cells["window"] == "whole" and cells["data"] == "made IN PLACE OF DVS128 Gesture, 3 recordings"
    assert all(row[-1] == "quoted" for row in table.rows[1:]) and {len(row) for row in table.rows} == {len(table.head)}


def test_the_neuron_rule_of_the_figures() -> None:
    x = np.array([0.9, 1.0, 1.9, 3.5, 2.6, 2.0, 0.4, -5.0])
    assert figures.sent_for(x, "signed").tolist() == [0, 1, 1, 3, 3, 2, 1, 0]
    assert figures.sent_for(x, "direct").tolist() == [0, 1, 1, 3, 2, 2, 0, 0]


def test_figures_of_drives_and_gestures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawings = watched(monkeypatch, "tfsnn.evaluate.reproduce.figures")
    series = {"outputs": [[0.1], [0.2]], "against": {"the integer ANN": [[0.1], [0.3]]}, "labels": [[0.0], [0.1]]}
    streams = {
        "title": "a drive",
        "network": {"dense_macs": 100, "zero_skipping_macs": 50.0},
        "series": series | {"operations": [90, 5]},
    }
    figures_of: dict[str, float | None] = {"accuracy": 0.5, "operations_a_second": 10.0}
    rows = [{"threshold": t, "window_ms": w} | figures_of for t in (64.0, 128.0) for w in (64.0, 128.0, None)]
    windows = {"rows": rows, "frame_based": {"value": 0.7, "macs_a_second": 99.0}}
    figures.steering(streams, tmp_path / "1.png")
    figures.operations(streams, tmp_path / "2.png")
    figures.thresholds(windows, tmp_path / "3.png")
    figures.lengths(windows, tmp_path / "4.png")
    figures.hysteresis(tmp_path / "5.png")
    figures.direct_and_hysteresis(tmp_path / "6.png")
    assert all(pixels(tmp_path / f"{number}.png") for number in range(1, 7))
    # Numbers, and no markup.
    assert "100" in drawings[1][1] and not any("$" in mark for _, marks in drawings for mark in marks)


def test_memory_by_hand(tmp_path: Path) -> None:
    artifact.save(net(), tmp_path / "net.snn.h5")
    table = tables.memory({"mnist": tmp_path / "net.snn.h5"}, {"mnist": False}, ["tfsnn convert"])
    cells, neurons, weights = dict(zip(table.head, table.rows[0])), 8 + 3 + 2, 8 + 24 + 6
    graph = net().graph
    assert [node.shape for node in graph.nodes] == [(3, 3, 1), (2, 2, 2), (3,), (2,)]
    assert (cells["paper: state"], cells["paper: weights"]) == ("60,000 B", "100,000 B")
    assert (cells["neurons"], cells["inputs"], cells["measured on"]) == (str(neurons), "9", "a smaller network of the same kind")
    assert cells["one word a neuron, inputs included"] == f"{4 * (neurons + 9)} B"
    # x and o; the two outputs send nothing.
    assert cells["state (x and o of 32 bits)"] == f"{4 * (2 * neurons - 2)} B"
    # A byte each; of each of the channels a scale and a bias of four.
    assert cells["weights, scales and biases"] == f"{weights + 8 * (2 + 3 + 2)} B"
    assert table.records[0]["measured"]["state_bytes"] == 96 and table.commands == ["tfsnn convert"]
