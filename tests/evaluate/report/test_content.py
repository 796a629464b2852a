"""report.json has every field of the format and adds up; the page says the same, honestly, and carries all with it."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import numpy as np
import pytest

from tests.evaluate_parts import dataset, evaluated
from tfsnn.evaluate.report import content as report
from tfsnn.evaluate.report import page
from tfsnn.evaluate.report.content import headline
from tfsnn.input.encoder import Encoder

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
        assert row["reduction"] == found["network"]["dense_macs"] / row["synaptic_operations"]
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


def test_error_of_one_output() -> None:
    _, findings, found = evaluated(outputs=1)
    assert found["measure"] == "error"
    for row, trial in zip(found["rows"], findings.trials):
        assert row["accuracy"] is row["accuracy_ci95"] is row["same_as_ann"] is None
        assert row["error"] == pytest.approx(np.abs(trial.outputs[:, 0] - dataset().test.y).mean())
        assert row["error"] == pytest.approx(row["curve"]["error"][-1])
    assert "errs by" in page.summary(found)[0] and "mean absolute error" in page.render(found, [])


def test_stream() -> None:
    found = made(encoder=Encoder("delta", scale=1 / 4, threshold=0.25))
    row = found["rows"][0]
    assert found["dataset"]["one_stream"] and row["curve"]["time"] == [] and row["budget"]["operations"] == []
    assert row["first_frame_operations"] != row["synaptic_operations"] > 0
    assert "first frame" in page.render(found, []) and "starts anew" not in page.render(found, [])


def test_sparsity_where_it_fits() -> None:
    assert made()["rows"][0]["neurobench"]["ActivationSparsity"] is not None
    assert made(schedule="spike")["rows"][0]["neurobench"]["ActivationSparsity"] is None
    assert made(spikes="signed")["rows"][0]["neurobench"]["ActivationSparsity"] is None


def rows(*pairs: tuple[float, float], key: str = "accuracy") -> list[dict[str, float]]:
    return [{key: score, "synaptic_operations": operations} for score, operations in pairs]


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([(0.990, 300), (0.9891, 200), (0.98, 100)], (1, True)),
        ([(0.990, 300), (0.989, 200), (0.992, 250)], (1, True)),
        ([(0.95, 300), (0.97, 200), (0.5, 10)], (1, False)),
    ],
)
def test_headline(entries: list[tuple[float, float]], expected: tuple[int, bool]) -> None:
    assert headline(rows(*entries), {"accuracy": 0.99}, "accuracy") == expected


def test_headline_by_error() -> None:
    entries = rows((0.100, 300), (0.105, 200), (0.2, 10), key="error")
    assert headline(entries, {"error": 0.1}, "error") == (1, True)
    assert headline(entries[2:], {"error": 0.1}, "error") == (0, False)


def test_tolerance_is_what_the_format_says() -> None:
    assert made()["headline"]["tolerance"] == report.TOLERANCE == 0.001
