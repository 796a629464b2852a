"""report.json has every field of the format and adds up; the page says the same, honestly, and carries all with it."""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.evaluate_parts import DELAY, by_channel, dataset, evaluated
from tests.nets import conv
from tests.nets import given as image
from tests.nets import network
from tfsnn.artifact import Net
from tfsnn.evaluate.baselines.original import Original
from tfsnn.evaluate.pipeline import head, measure
from tfsnn.evaluate.report import content as report
from tfsnn.evaluate.report import page, sentences
from tfsnn.evaluate.selection import TOLERANCE
from tfsnn.evaluate.workload import prepare
from tfsnn.input.dataset import Dataset, Split
from tfsnn.input.encoder import Encoder
from tfsnn.network.ops import Conv
from tfsnn.plan.settings import Settings

PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(8) + (816).to_bytes(4, "big") + bytes(8)


def made(**settings: Any) -> dict[str, Any]:
    """A report of one's own to change."""
    return deepcopy(evaluated(**settings)[2])


def test_fields_of_the_format() -> None:
    found = made()
    top = "format format_version command versions host inputs dataset network baselines rows layers"
    assert set(top.split()) <= set(found)
    assert (found["format"], found["format_version"]) == ("tfsnn-report", 1)
    assert {"name", "split", "samples"} <= set(found["dataset"])
    assert {"neurons", "synapses", "parameters", "dense_macs", "state_bytes", "weight_bytes"} <= set(found["network"])
    assert {"accuracy", "operations"} <= set(found["baselines"]["ann"]) & set(found["baselines"]["zero_skipping"])
    row = "threshold spikes schedule initial accuracy accuracy_ci95 spikes_per_neuron synaptic_operations reduction "
    row += "first_frame_operations seconds curve"
    for entry in found["rows"]:
        assert set(row.split()) <= set(entry)
        assert len({len(entry["curve"][key]) for key in ("operations", "time", "accuracy", "spikes_per_neuron")}) == 1
    assert [entry["threshold"] for entry in found["baselines"]["quantized"]] == [0.1, 0.5, 2.0]
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_numbers_add_up() -> None:
    workload, findings, found = evaluated()
    for at, (row, trial) in enumerate(zip(found["rows"], findings.trials)):
        ledger = trial.result.ledger
        assert row["synaptic_operations"] == pytest.approx(ledger.synaptic_operations.sum() / 12)
        assert row["synaptic_operations"] == pytest.approx(
            sum(layer["rows"][at]["synaptic_operations"] for layer in found["layers"])
        )
        assert row["spikes_per_neuron"] == pytest.approx(ledger.sent.sum() / 12 / (9 + 8 + 3 + 2))
        assert row["spikes_per_neuron"] == pytest.approx(trial.result.spikes_per_neuron)
        # Three of four right, of twelve: no better than always the commonest answer, as far as twelve can tell.
        assert row["reduction"] is None and row["withheld"] == "chance"
        assert row["first_frame_operations"] == row["synaptic_operations"] == row["curve"]["operations"][-1]
        assert row["accuracy"] == row["curve"]["accuracy"][-1] == row["budget"]["accuracy"][-1]
        assert row["budget"]["operations"][-1] == trial.operations.max()
        assert row["curve"]["time"][-1] == workload.events.t.max() * workload.events.tick
        assert row["same_as_ann"] == np.mean(np.argmax(trial.outputs, 1) == np.argmax(findings.ann.outputs, 1))
    skipping = found["baselines"]["zero_skipping"]
    assert skipping["operations"] == pytest.approx(sum(layer["zero_skipping_macs"] for layer in found["layers"]))
    assert found["baselines"]["ann"]["accuracy"] == skipping["accuracy"] == 0.75
    assert (
        found["baselines"]["ann"]["operations"] == 32 + 24 + 6 == sum(layer["dense_macs"] for layer in found["layers"])
    )


def test_real_thresholds_of_the_ledger() -> None:
    layers = {layer["name"]: layer for layer in made()["layers"]}
    assert [row["real_threshold"] for row in layers["first"]["rows"]] == pytest.approx([0.1, 0.5, 2.0])
    assert layers["in"]["rows"][0]["real_threshold"] is None and layers["out"]["rows"][0]["real_threshold"] is None
    spiking = {layer["name"]: layer for layer in made(spiking_output=True)["layers"]}
    assert spiking["out"]["rows"][1]["real_threshold"] == pytest.approx(0.5)


def test_savings_are_claimed_where_little_is_lost() -> None:
    workload, findings, _ = evaluated(frames=400, thresholds=(0.01, 0.5, 8.0))
    # The integer network is always right.
    workload = replace(workload, targets={"out": np.argmax(findings.ann.outputs, axis=1)})
    found = report.assemble(workload, findings, 10.0)
    assert found["headline"]["margin"] == 10.0 and found["baselines"]["ann"]["lost"] == 0
    for row in found["rows"]:
        assert row["lost"] == pytest.approx(100 * (1 - row["accuracy"]))
        assert row["withheld"] == ("chance" if row["at_chance"] else "margin" if row["lost"] > 10 else None)
        assert row["reduction"] == (None if row["withheld"] else found["network"]["dense_macs"] / row["synaptic_operations"])
    assert {row["withheld"] is None for row in found["rows"]} == {True, False}
    assert report.assemble(workload, findings, 0.5)["rows"][0]["withheld"] == "margin"


def test_a_wider_margin() -> None:
    workload, findings, _ = evaluated(frames=400, thresholds=(0.1, 0.5, 8.0))
    lost = [row["lost"] for row in report.assemble(workload, findings, 100)["rows"]]
    for margin in (0.0, 5.0, 100.0):
        found = report.assemble(workload, findings, margin)
        assert [row["withheld"] != "margin" for row in found["rows"]] == [
            each <= margin + 1e-9 or row["at_chance"] for each, row in zip(lost, found["rows"])
        ]


def test_paired_with_the_integer_network() -> None:
    workload, findings, found = evaluated(frames=400)
    (test,) = found["paired"]
    event, integer = (
        np.argmax(outputs, 1) == workload.targets["out"]
        for outputs in (findings.trials[found["headline"]["row"]].outputs, findings.ann.outputs)
    )
    assert (test["against"], test["output"]) == ("ann", "out")
    assert (test["only_first"], test["only_second"]) == ((event & ~integer).sum(), (integer & ~event).sum())


def test_the_model_stands_in_front() -> None:
    workload, findings, _ = evaluated(frames=400)
    outputs = {"out": np.eye(2)[workload.targets["out"]]}
    model = Original("model.h5", "0" * 64, "Keras, model.h5", lambda given: given, keras=object(), notes=("a note",))
    found = report.assemble(workload, replace(findings, model=model, on_raw=outputs, on_frames=outputs))
    first = found["baselines"]["original"]
    assert (first["accuracy"], first["keras"], first["input"]) == (1.0, True, "raw samples")
    assert found["baselines"]["float"]["lost"] == 0 and found["baselines"]["ann"]["lost"] == pytest.approx(25)
    # The network itself is a quarter behind: no saving is claimed, however few its operations.
    assert all(row["withheld"] and row["reduction"] is None for row in found["rows"])
    assert {test["against"] for test in found["paired"]} == {"original", "ann"}
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_error_of_one_output() -> None:
    _, findings, found = evaluated(outputs=1)
    assert found["measure"] == "rmse" and found["paired"] == []
    right = dataset(numbers=True).test.y
    for row, trial in zip(found["rows"], findings.trials):
        assert row["accuracy"] is row["accuracy_ci95"] is row["same_as_ann"] is None
        assert row["error"] == pytest.approx(np.abs(trial.outputs[:, 0] - right).mean())
        assert row["rmse"] == pytest.approx(np.sqrt(np.mean((trial.outputs[:, 0] - right) ** 2)))
        assert row["rmse"] == pytest.approx(row["curve"]["rmse"][-1]) and row["mse"] == pytest.approx(row["rmse"] ** 2)
    assert "errs by" in sentences.summary(found)[0] and "mean squared error" in page.render(found)


def test_masks() -> None:
    source = image(3, 3, 1)
    graph = network(source, conv("out", source, Conv(1, (1, 1)), f="linear"))
    split = Split(np.arange(36).reshape(4, 3, 3, 1).astype(np.uint8) % 5, (np.arange(36).reshape(4, 3, 3) % 5 > 2).astype(np.float32))
    workload = prepare(Net(by_channel(graph)), Dataset("dots", DELAY, lambda name: split))
    found = report.assemble(workload, measure(workload, [Settings(0.5, "absolute")]))
    row = found["rows"][0]
    assert found["measure"] == "iou" and len(row["iou_per_class"]) == 2 and row["curve"]["time"] == []
    assert row["neurobench"]["ActivationSparsity"] is not None or row["schedule"] == "slot"
    text = page.render(json.loads(json.dumps(found | head(workload, "tfsnn evaluate", None))))
    assert "mean IoU" in text and "IoU of class 1" in text and "pixel accuracy" in text


def test_stream() -> None:
    found = made(encoder=Encoder("delta", scale=1 / 4, threshold=0.25))
    row = found["rows"][0]
    assert found["dataset"]["one_stream"] and row["curve"]["time"] == [] and row["budget"]["operations"] == []
    assert row["first_frame_operations"] != row["synaptic_operations"] > 0
    assert "first frame" in page.render(found) and "starts anew" not in page.render(found)


def test_sparsity_where_it_fits() -> None:
    assert made()["rows"][0]["neurobench"]["ActivationSparsity"] is not None
    assert made(schedule="spike")["rows"][0]["neurobench"]["ActivationSparsity"] is None
    assert made(spikes="signed")["rows"][0]["neurobench"]["ActivationSparsity"] is None


def test_tolerance_is_what_the_format_says() -> None:
    assert made()["headline"]["tolerance"] == TOLERANCE / 100 == 0.001
