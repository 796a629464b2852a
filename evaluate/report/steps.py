"""From the user's model to the event network: a row for each step, with what it loses; for the terminal and the page alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Report = Mapping[str, Any]
MEASURED = {"accuracy": "accuracy", "rmse": "rmse", "iou": "mean IoU", "error": "mean absolute error"}
"""Measures by what they are called."""
LOST = {"accuracy": "points", "iou": "points", "rmse": "% of the range", "error": "% of the range"}
"""What a loss is counted in."""


def percent(share: float | None) -> str:
    """A share as a percentage; a dash where there is none.

    Examples
    --------
    >>> percent(0.9905), percent(None)
    ('99.05 %', '-')
    """
    return "-" if share is None else f"{100 * share:.2f} %"


def scored(report: Report, entry: Report, measure: str | None = None) -> str:
    """The score of a row or a baseline, whichever way it is measured.

    Parameters
    ----------
    report
        What report.json holds.
    entry
        The row or baseline.
    measure
        If not the one that decides.
    """
    measure = measure or report["measure"]
    value = entry[measure]
    return f"{value:.4g}" if measure in ("rmse", "error") and value is not None else percent(value)


def original(report: Report) -> Report | None:
    """The user's model on raw samples, where it was there; reports of earlier versions have none."""
    found: Report | None = report["baselines"].get("original")
    return found


def name_of_first(report: Report) -> str:
    """What the first baseline is called in a sentence."""
    found = original(report)
    if found is None:
        return "the integer network without events"
    return "the Keras model" if found["keras"] else "the model as tfsnn reads it"


def amount(report: Report, count: float) -> str:
    """A loss in words.

    Examples
    --------
    >>> amount({"measure": "accuracy"}, 1.0), amount({"measure": "rmse"}, 2.5)
    ('1 point', '2.5 % of the range')
    """
    unit = LOST[report["measure"]]
    return f"{count:g} {unit.removesuffix('s') if count == 1 and unit == 'points' else unit}"


def head(report: Report) -> list[str]:
    """The columns."""
    interval = ["95 % interval"] if report["measure"] == "accuracy" else []
    others = [f"{MEASURED[measure]} ({name})" for name, measure in other_outputs(report)]
    same = ["same as integer"] if report["rows"][0]["same_as_ann"] is not None else []
    lost = f"loses ({LOST[report['measure']]})"
    stream = ["first frame"] * report["dataset"]["one_stream"]
    cost = ["spikes/neuron", "operations", *stream, "dense / event"]
    return ["network", MEASURED[report["measure"]], *interval, *others, lost, *same, *cost]


def lines(report: Report) -> list[list[str | None]]:
    """A row for the user's model, the network in float, the integer network, and the event network at each threshold."""
    found, baselines = [], report["baselines"]
    first, exact, ann = original(report), baselines.get("float"), baselines["ann"]
    if first is not None:
        found.append(_line(report, f"{first['what']}, {first['input']}", first))
    if exact is not None:
        found.append(_line(report, "float network, encoded frames", exact))
    found.append(_line(report, "integer network, encoded frames", ann, cost=f"{ann['operations']:,.0f} MACs"))
    return found + [_event(report, row) for row in report["rows"]]


def baselines_before(report: Report) -> int:
    """How many rows of :func:`lines` stand before the first of the event network."""
    return len(lines(report)) - len(report["rows"])


def other_outputs(report: Report) -> list[tuple[str, str]]:
    """The outputs but the first, and the measure that decides of each."""
    return [(name, task["measure"]) for name, task in list(report.get("tasks", {}).items())[1:]]


def _line(report: Report, name: str, entry: Report, cost: str | None = None) -> list[str | None]:
    same: list[str | None] = [None] if report["rows"][0]["same_as_ann"] is not None else []
    stream: list[str | None] = [None] * report["dataset"]["one_stream"]
    return [name, *_score(report, entry), *same, None, cost, *stream, None]


def _event(report: Report, row: Report) -> list[str | None]:
    same = [percent(row["same_as_ann"])] if row["same_as_ann"] is not None else []
    cells: list[str | None] = [f"event network, T = {row['threshold']:g}", *_score(report, row), *same]
    cells += [f"{row['spikes_per_neuron']:.4f}", f"{row['synaptic_operations']:,.0f}"]
    cells += [f"{row['first_frame_operations']:,.0f}"] * report["dataset"]["one_stream"]
    return [*cells, saving(row)]


def saving(row: Report) -> str | None:
    """Operations of the dense network over those of the event network; why none is claimed; a dash where there is nothing to compare."""
    if row.get("withheld"):
        return "at chance" if row["withheld"] == "chance" else "loses too much"
    return None if row["reduction"] is None else f"{row['reduction']:.2f}"


def _score(report: Report, entry: Report) -> list[str | None]:
    cells: list[str | None] = [scored(report, entry)]
    if report["measure"] == "accuracy":
        low, high = (100 * bound for bound in entry["accuracy_ci95"])
        cells.append(f"{low:.2f} to {high:.2f}")
    cells += [scored(report, entry["outputs"][name], measure) for name, measure in other_outputs(report)]
    return [*cells, f"{entry['lost']:.2f}" if "lost" in entry else None]
