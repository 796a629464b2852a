"""report.json: what was run, on what, what came out and what it cost; the page and the pictures show nothing else.

All counts are means over frames. ``operations`` of an ANN are multiply-accumulates inside the borders, as those of the
event-driven network are target neurons inside the borders: the comparison that favours the ANN.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfsnn.aliases import Floats

from ..baselines.ann import Ann
from ..measure import energy, neurobench
from ..measure import score as scoring
from ..measure import sizes
from ..measure.papers import papers_macs
from ..measure.score import Accuracy
from ..trial import Trial
from ..workload import Workload

FORMAT, FORMAT_VERSION = "tfsnn-report", 1
TOLERANCE = 0.001
BUDGETS = 200


@dataclass(frozen=True, eq=False)
class Findings:
    """All that was measured.

    Parameters
    ----------
    ann
        The dense ANN.
    trials, quantized
        By threshold, from low to high: the event-driven network, and the outputs of the quantized ANN.
    """

    ann: Ann
    trials: Sequence[Trial]
    quantized: Sequence[Floats]


def assemble(workload: Workload, found: Findings) -> dict[str, Any]:
    """The part of report.json that depends on nothing but network, data and settings.

    Parameters
    ----------
    workload
        What was evaluated.
    found
        What was measured.
    """
    rows = [_row(workload, trial, found.ann) for trial in found.trials]
    report: dict[str, Any] = {
        "measure": workload.measure,
        "dataset": _dataset(workload),
        "encoder": workload.encoder.to_json() | {"comparisons": energy.encoder_comparisons(workload.graph)},
        "network": _network(workload, found.trials),
        "baselines": _baselines(workload, found),
        "rows": rows,
        "layers": _layers(workload, found),
        "energy": _energy(workload, found),
    }
    chosen, within = headline(rows, report["baselines"]["ann"], workload.measure)
    report["headline"] = {
        "threshold": rows[chosen]["threshold"],
        "row": chosen,
        "within_tolerance": within,
        "tolerance": TOLERANCE,
    }
    return report


def headline(rows: Sequence[Mapping[str, Any]], ann: Mapping[str, Any], measure: str) -> tuple[int, bool]:
    """The row of the headline: the fewest operations of those as good as the ANN, or else the best.

    As good: an accuracy at most :data:`TOLERANCE` below, or an error at most a twentieth above.

    Parameters
    ----------
    rows
        Of the report.
    ann
        Its dense ANN.
    measure
        ``"accuracy"`` or ``"error"``.

    Returns
    -------
    int, bool
        Position of the row, and whether it is as good.
    """
    if measure == "accuracy":
        loss = [ann["accuracy"] - row["accuracy"] - TOLERANCE for row in rows]
    else:
        loss = [row["error"] - 1.05 * ann["error"] for row in rows]
    good = [at for at, value in enumerate(loss) if value <= 1e-12]
    if good:
        return min(good, key=lambda at: float(rows[at]["synaptic_operations"])), True
    return int(np.argmin(loss)), False


def score(outputs: Floats, labels: NDArray[Any], measure: str) -> dict[str, Any]:
    """``accuracy`` with its interval, or ``error``; what does not apply is None.

    Parameters
    ----------
    outputs, labels
        (frames, outputs) and (frames).
    measure
        ``"accuracy"`` or ``"error"``.
    """
    if measure == "accuracy":
        return _accuracy(scoring.accuracy(outputs, labels))
    return {"accuracy": None, "accuracy_ci95": None, "error": float(scoring.scores(outputs, labels, measure).mean())}


def _accuracy(found: Accuracy) -> dict[str, Any]:
    return {"accuracy": found.value, "accuracy_ci95": [found.low, found.high], "error": None}


def _dataset(workload: Workload) -> dict[str, Any]:
    return {
        "name": workload.dataset,
        "split": "test",
        "samples": len(workload.labels),
        "available": workload.available,
        "shape": list(workload.raw.shape[1:]),
        "one_stream": workload.streamed,
    }


def _network(workload: Workload, trials: Sequence[Trial]) -> dict[str, Any]:
    graph = workload.graph
    return {
        "neurons": graph.neurons,
        "inputs": sum(prod(node.shape) for node in graph.inputs),
        "synapses": sizes.connections(trials[0].result.plan),
        "parameters": graph.parameters,
        "dense_macs": sum(graph.macs().values()),
        "dense_macs_with_borders": sum(graph.macs(borders=True).values()),
        "dense_macs_as_in_aicas_2019": papers_macs(graph),
        "state_bytes": max(_state_bytes(trial) for trial in trials),
        "weight_bytes": sizes.weight_bytes(graph),
        "table": str(graph),
    }


def _state_bytes(trial: Trial) -> int:
    plan = trial.result.plan
    return sizes.state_bytes(plan.graph, trial.result.carrier, spiking_output=plan.settings.spiking_output)


def _baselines(workload: Workload, found: Findings) -> dict[str, Any]:
    graph, whole = workload.graph, score(found.ann.outputs, workload.labels, workload.measure)
    skipping = sum(float(macs.mean()) for macs in found.ann.nonzero_macs.values())
    return {
        "ann": whole
        | {
            "operations": sum(graph.macs().values()),
            "operations_with_borders": sum(graph.macs(borders=True).values()),
            "operations_as_in_aicas_2019": papers_macs(graph),
            "activation_sparsity": found.ann.zeros,
        },
        "zero_skipping": whole | {"operations": skipping},
        "quantized": [
            {"threshold": trial.result.plan.settings.threshold} | score(outputs, workload.labels, workload.measure)
            for trial, outputs in zip(found.trials, found.quantized)
        ],
    }


def _row(workload: Workload, trial: Trial, ann: Ann) -> dict[str, Any]:
    result, frames = trial.result, len(workload.labels)
    settings, ledger = result.plan.settings, result.ledger
    operations = float(trial.operations.mean())
    neurons = sum(population.size for population in result.plan.populations)
    footprint = _state_bytes(trial) + sizes.weight_bytes(workload.graph)
    stamps = trial.stamps if result.schedule == "slot" else None
    return {
        "threshold": settings.threshold,
        "unit": settings.unit,
        "spikes": settings.spikes,
        "schedule": result.schedule,
        "initial": settings.initial,
        "spiking_output": settings.spiking_output,
        "engine": result.engine,
        "carrier": result.carrier,
        **score(trial.outputs, workload.labels, workload.measure),
        "same_as_ann": _agreement(trial.outputs, ann.outputs) if workload.measure == "accuracy" else None,
        "spikes_per_neuron": float(ledger.sent.sum()) / frames / neurons,
        "synaptic_operations": operations,
        "synaptic_operations_nonzero": float(ledger.synaptic_operations_nonzero.sum()) / frames,
        "reduction": sum(workload.graph.macs().values()) / operations if operations else None,
        "first_frame_operations": float(trial.operations[0]) if workload.streamed else operations,
        "checks": float(ledger.checks.sum()) / frames,
        "comparisons": float(ledger.comparisons.sum()) / frames,
        "state_bytes": _state_bytes(trial),
        "seconds": result.seconds,
        "neurobench": neurobench.neurobench(result.plan, ledger, stamps, footprint, frames),
        "curve": _curve(workload, trial, neurons),
        "budget": _budget(trial, workload.measure),
    }


def _agreement(outputs: Floats, of_ann: Floats) -> float:
    return float(np.mean(np.argmax(outputs, axis=1) == np.argmax(of_ann, axis=1)))


def _curve(workload: Workload, trial: Trial, neurons: int) -> dict[str, Any]:
    curve, events = trial.curve, workload.events
    if curve is None:
        return {"unit": events.unit, "time": [], "operations": [], "spikes_per_neuron": [], workload.measure: []}
    return {
        "unit": events.unit,
        "time": (curve.time * events.tick).tolist(),
        "operations": curve.operations.tolist(),
        "spikes_per_neuron": (curve.spikes / neurons).tolist(),
        workload.measure: curve.score.tolist(),
    }


def _budget(trial: Trial, measure: str) -> dict[str, Any]:
    if trial.budget is None:
        return {"operations": [], measure: []}
    steps, values = trial.budget
    budgets = np.ceil(np.linspace(0, trial.operations.max(), BUDGETS))
    return {"operations": budgets.tolist(), measure: values[np.searchsorted(steps, budgets, side="right") - 1].tolist()}


def _layers(workload: Workload, found: Findings) -> list[dict[str, Any]]:
    inside, borders = workload.graph.macs(), workload.graph.macs(borders=True)
    return [
        {
            "name": node.name,
            "kind": node.label,
            "shape": list(node.shape),
            "neurons": prod(node.shape),
            "dense_macs": inside.get(node.name, 0),
            "dense_macs_with_borders": borders.get(node.name, 0),
            "zero_skipping_macs": float(found.ann.nonzero_macs[node.name].mean()) if node.name in inside else 0.0,
            "rows": [_ledger(trial, position, len(workload.labels)) for trial in found.trials],
        }
        for position, node in enumerate(workload.graph.nodes)
    ]


def _ledger(trial: Trial, position: int, frames: int) -> dict[str, Any]:
    """The ledger of one population at one threshold, as means over frames."""
    population, ledger = trial.result.plan.populations[position], trial.result.ledger
    spikes = population.node.requantizes and population.threshold > 0
    counts = {
        name: float(getattr(ledger, name)[:, position].sum()) / frames
        for name in (
            *("sent_positive", "sent_negative", "received", "synaptic_operations", "synaptic_operations_nonzero"),
            *("checks", "comparisons"),
        )
    }
    return {
        "threshold": trial.result.plan.settings.threshold,
        "real_threshold": population.threshold * population.step if spikes else None,
        **counts,
        "spikes_per_neuron": (counts["sent_positive"] + counts["sent_negative"]) / population.size,
    }


def _energy(workload: Workload, found: Findings) -> dict[str, Any]:
    macs = sum(workload.graph.macs().values())
    skipping = sum(float(count.mean()) for count in found.ann.nonzero_macs.values())
    pixels = energy.encoder_comparisons(workload.graph)
    return {
        "unit": "nJ a frame",
        "assumptions": list(energy.ENERGY_ASSUMPTIONS),
        "presets": [
            {
                "name": preset.name,
                "ann": energy.mac_energy(preset, macs),
                "zero_skipping": energy.mac_energy(preset, skipping),
                "rows": [_trial_energy(preset, trial, len(workload.labels), pixels) for trial in found.trials],
            }
            for preset in energy.PRESETS
        ],
    }


def _trial_energy(preset: energy.Preset, trial: Trial, frames: int, pixels: int) -> float:
    return energy.energy(preset, trial.result.ledger, frames, trial.result.plan.settings.spikes, pixels)
