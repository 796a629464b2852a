"""report.json: what was run, on what, what came out and what it cost; the page and the pictures show nothing else.

All counts are means over frames. ``operations`` of an ANN are multiply-accumulates inside the borders, as those of the
event-driven network are target neurons inside the borders: the comparison that favours the ANN.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import prod
from typing import Any

import numpy as np

from tfsnn.aliases import Floats

from ..baselines.ann import Ann
from ..baselines.coding import Coded
from ..baselines.codings import Coding
from ..baselines.original import Original
from ..measure import energy, neurobench, sizes
from ..measure.paired import paired
from ..measure.papers import papers_macs
from ..selection import TOLERANCE, Selection, cheapest
from ..trial import Trial
from ..workload import Workload

FORMAT, FORMAT_VERSION = "tfsnn-report", 1
BUDGETS = 200
Figures = dict[str, Any]


@dataclass(frozen=True, eq=False)
class Findings:
    """All that was measured.

    Parameters
    ----------
    ann
        The integer network, dense.
    trials, quantized
        By threshold, from low to high: the event network, and the outputs of the quantized ANN.
    model, on_raw, on_frames
        The user's model, and its answers by output to raw samples and to encoded frames; None where it is not there.
    selected
        What was found on the frames that the threshold was chosen on; None: they are those that are tested.
    speed
        Times a frame; None where they were not taken.
    coded
        The spiking baselines.
    errors
        How far each layer is from the integer network, and on how many frames; None where it was not measured.
    """

    ann: Ann
    trials: Sequence[Trial]
    quantized: Sequence[Floats]
    model: Original | None = None
    on_raw: Mapping[str, Floats] | None = None
    on_frames: Mapping[str, Floats] | None = None
    selected: Selection | None = None
    speed: dict[str, Any] | None = None
    coded: Sequence[tuple[Coding, Coded]] = ()
    errors: dict[str, Any] | None = None


def assemble(workload: Workload, found: Findings, margin: float = 1.0) -> dict[str, Any]:
    """The part of report.json that depends on nothing but network, data and settings; and times.

    Parameters
    ----------
    workload
        What was evaluated.
    found
        What was measured.
    margin
        Points below the first baseline from which on no saving is claimed.
    """
    first = _scored(workload, found.ann.outputs) if found.on_raw is None else workload.figures(found.on_raw)
    rows = [_row(workload, trial, found.ann, first, margin) for trial in found.trials]
    chosen, within = spoken_of(workload, found)
    return {
        "measure": workload.measure,
        "tasks": {name: {"kind": task.kind, "measure": task.measure} for name, task in workload.tasks.items()},
        "dataset": _dataset(workload),
        "encoder": workload.encoder.to_json() | {"comparisons": energy.encoder_comparisons(workload.graph)},
        "network": _network(workload, found.trials),
        "baselines": _baselines(workload, found, first),
        "rows": rows,
        "headline": {
            "threshold": rows[chosen]["threshold"],
            "row": chosen,
            "within_tolerance": within,
            "tolerance": TOLERANCE / 100,
            "margin": margin,
            "withheld": rows[chosen]["withheld"],
        },
        "selection": {"on": "test"} if found.selected is None else asdict(found.selected),
        "paired": _paired(workload, found, chosen),
        "speed": found.speed,
        "layers": _layers(workload, found),
        "error_frames": None if found.errors is None else found.errors["frames"],
        "energy": _energy(workload, found),
    }


def spoken_of(workload: Workload, found: Findings) -> tuple[int, bool]:
    """The row of the headline, and whether it is as good as the integer network where it was chosen.

    Parameters
    ----------
    workload, found
        As for :func:`assemble`.
    """
    if found.selected is not None:
        return found.selected.row, found.selected.within
    reference = _scored(workload, found.ann.outputs)
    rows = []
    for trial in found.trials:
        figures = _scored(workload, trial.outputs)
        cost = float(trial.operations.mean())
        rows.append(figures | {"synaptic_operations": cost, "behind": workload.lost(figures, reference)})
    return cheapest(rows, reference, workload.measure)


def _scored(workload: Workload, outputs: Floats) -> Figures:
    return workload.figures(workload.by_output(outputs))


def _paired(workload: Workload, found: Findings, chosen: int) -> list[dict[str, Any]]:
    """The event network against the user's model, and against the integer network, on the same frames."""
    event = workload.by_output(found.trials[chosen].outputs)
    others = {"ann": workload.by_output(found.ann.outputs)} | ({} if found.on_raw is None else {"original": found.on_raw})
    return [
        {"output": name, "against": against}
        | asdict(paired(*(task.scores(outputs[name], workload.targets[name]) == 1 for outputs in (event, other))))
        for against, other in others.items()
        for name, task in workload.tasks.items()
        if task.measure == "accuracy"
    ]


def _dataset(workload: Workload) -> dict[str, Any]:
    return {
        "name": workload.dataset,
        "split": workload.split,
        "samples": workload.samples,
        "available": workload.available,
        "shape": list(workload.graph.inputs[0].shape),
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


def _baselines(workload: Workload, found: Findings, first: Figures) -> dict[str, Any]:
    graph, whole = workload.graph, _scored(workload, found.ann.outputs)
    skipping = sum(float(macs.mean()) for macs in found.ann.nonzero_macs.values())
    return {
        "original": _original(found.model, first),
        "float": None if found.on_frames is None else _behind(workload, workload.figures(found.on_frames), first),
        "ann": _behind(workload, whole, first)
        | {
            "operations": sum(graph.macs().values()),
            "operations_with_borders": sum(graph.macs(borders=True).values()),
            "operations_as_in_aicas_2019": papers_macs(graph),
            "activation_sparsity": found.ann.zeros,
        },
        "zero_skipping": whole | {"operations": skipping},
        "quantized": [
            {"threshold": trial.result.plan.settings.threshold} | _scored(workload, outputs)
            for trial, outputs in zip(found.trials, found.quantized)
        ],
        "coded": [_coded(workload, coding, outcome, first) for coding, outcome in found.coded],
    }


def _coded(workload: Workload, coding: Coding, outcome: Coded, first: Figures) -> Figures:
    """A spiking baseline; the current that analog input gives is computed once a frame, and counted apart."""
    neurons = workload.graph.neurons + sum(prod(node.shape) for node in workload.graph.inputs)
    return {
        "name": coding.name,
        "words": coding.words,
        "duration": coding.duration,
        "dt": coding.dt,
        **_behind(workload, _scored(workload, outcome.outputs), first),
        "spikes_per_neuron": float(outcome.spikes.mean()) / neurons,
        "synaptic_operations": float(outcome.operations.mean()),
        "input_macs": outcome.input_macs,
    }


def _original(model: Original | None, figures: Figures) -> dict[str, Any] | None:
    """The user's model on raw samples."""
    if model is None:
        return None
    given = "raw samples as they are" if model.as_they_are else "raw samples" if model.trained_on is None else "frames of its encoder"
    named = {"name": model.name, "what": model.what, "input": given, "sha256": model.digest, "converted_from_it": model.known}
    return figures | named | {"keras": model.keras is not None, "notes": list(model.notes)}


def _behind(workload: Workload, figures: Figures, first: Figures) -> Figures:
    """Measures, how many points they lie behind the first baseline, and whether they are at chance."""
    return figures | {"lost": workload.lost(figures, first), "at_chance": workload.at_chance(figures)}


def _row(workload: Workload, trial: Trial, ann: Ann, first: Figures, margin: float) -> dict[str, Any]:
    result, frames = trial.result, workload.samples
    settings, ledger = result.plan.settings, result.ledger
    operations = float(trial.operations.mean())
    neurons = sum(population.size for population in result.plan.populations)
    footprint = _state_bytes(trial) + sizes.weight_bytes(workload.graph)
    stamps = _stamps(workload, trial) if result.schedule == "slot" else None
    figures = _behind(workload, _scored(workload, trial.outputs), first)
    withheld = _withheld(figures, margin)
    return {
        "threshold": settings.threshold,
        "unit": settings.unit,
        "spikes": settings.spikes,
        "schedule": result.schedule,
        "initial": settings.initial,
        "spiking_output": settings.spiking_output,
        "engine": result.engine,
        "carrier": result.carrier,
        **figures,
        "paired_with_ann": _paired_with(workload, trial.outputs, ann.outputs),
        "same_as_ann": _agreement(workload, trial.outputs, ann.outputs),
        "spikes_per_neuron": float(ledger.sent.sum()) / frames / neurons,
        "synaptic_operations": operations,
        "synaptic_operations_nonzero": float(ledger.synaptic_operations_nonzero.sum()) / frames,
        "reduction": sum(workload.graph.macs().values()) / operations if operations and not withheld else None,
        "withheld": withheld,
        "first_frame_operations": float(trial.operations[0]) if workload.streamed else operations,
        "checks": float(ledger.checks.sum()) / frames,
        "comparisons": float(ledger.comparisons.sum()) / frames,
        "state_bytes": _state_bytes(trial),
        "seconds": result.seconds,
        "neurobench": neurobench.neurobench(result.plan, ledger, stamps, footprint, frames),
        "curve": _curve(workload, trial, neurons),
        "budget": _budget(trial, workload.measure),
    }


def _withheld(figures: Figures, margin: float) -> str | None:
    """Why no saving is claimed for a result; None if it is."""
    if figures["at_chance"]:
        return "chance"
    return "margin" if figures["lost"] > margin + 1e-9 else None


def _paired_with(workload: Workload, outputs: Floats, of_ann: Floats) -> dict[str, Any] | None:
    """The first output against that of the integer network on the same frames; None where no answer is right or wrong."""
    task, name = workload.tasks[workload.first], workload.first
    if task.measure != "accuracy":
        return None
    return asdict(paired(*(task.scores(workload.by_output(each)[name], workload.targets[name]) == 1 for each in (outputs, of_ann))))


def _agreement(workload: Workload, outputs: Floats, of_ann: Floats) -> float | None:
    """Share of decisions of the first output that are those of the integer network."""
    task = workload.tasks[workload.first]
    if task.kind == "values":
        return None
    one, other = (workload.by_output(values)[workload.first] for values in (outputs, of_ann))
    return float(np.mean(task.decided(one) == task.decided(other)))


def _stamps(workload: Workload, trial: Trial) -> int:
    """Time stamps of all samples together."""
    if trial.stamps is not None:
        return trial.stamps
    events = workload.events
    begins = np.zeros(len(events) + 1, np.bool_)
    begins[events.offsets] = True
    return int(np.count_nonzero(begins[:-1] | (np.diff(events.t, prepend=-1) != 0)))


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
            "error": None if found.errors is None else found.errors["layers"].get(node.name),
            "rows": [_ledger(trial, position, workload.samples) for trial in found.trials],
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
                "rows": [_trial_energy(preset, trial, workload.samples, pixels) for trial in found.trials],
                "break_even": [_break_even(preset, trial, workload.samples, pixels) for trial in found.trials],
            }
            for preset in energy.PRESETS
        ],
    }


def _trial_energy(preset: energy.Preset, trial: Trial, frames: int, pixels: int) -> float:
    return energy.energy(preset, trial.result.ledger, frames, trial.result.plan.settings.spikes, pixels)


def _break_even(preset: energy.Preset, trial: Trial, frames: int, pixels: int) -> float | None:
    """The density below which events win."""
    return energy.break_even(preset, _trial_energy(preset, trial, frames, pixels), float(trial.operations.mean()))
