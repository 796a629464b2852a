"""The result in sentences, for better or worse; for the terminal and the page alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .steps import MEASURED, amount, name_of_first, original, percent, scored

Report = Mapping[str, Any]


def summary(report: Report) -> list[str]:
    """The result in one plain sentence, for better or worse; then what it rests on."""
    return [headline(report), interval(report), *costs(report), *tests(report), choice(report), *notes(report)]


def chosen(report: Report) -> Report:
    """The row of the headline."""
    row: Report = report["rows"][report["headline"]["row"]]
    return row


def compared(cost: float, other: float, what: str = "") -> str:
    """How a cost compares with another, in words.

    Parameters
    ----------
    cost, other
        Two counts.
    what
        What is counted.

    Examples
    --------
    >>> compared(250, 1000), compared(101, 100), compared(300, 200, "operations")
    ('4.0 times fewer than', 'about as many as', '1.5 times as many operations as')
    """
    what = f" {what}" if what else ""
    if not cost or not other:
        return f"no{what} against" if what else "against"
    if 0.95 < cost / other < 1.05:
        return f"about as many{what} as"
    return f"{other / cost:.1f} times fewer{what} than" if cost < other else f"{cost / other:.1f} times as many{what} as"


def headline(report: Report) -> str:
    row, ann = chosen(report), report["baselines"]["ann"]
    first = original(report) or ann
    name, measure = name_of_first(report), report["measure"]
    if measure == "accuracy":
        said = f"The event network gets {percent(row['accuracy'])} right, {name} {percent(first['accuracy'])}"
    elif measure == "iou":
        said = f"The event network reaches a mean IoU of {percent(row['iou'])}, {name} {percent(first['iou'])}"
    else:
        said = f"The event network errs by {scored(report, row)} ({MEASURED[measure]}), {name} by {scored(report, first)}"
    if row.get("withheld") == "chance":
        return f"{said}: no better than an answer that is always the same, so no saving is claimed."
    if row.get("withheld"):
        return f"{said}: it loses more than {amount(report, report['headline']['margin'])}, so no saving is claimed."
    return f"{said}; it needs {compared(row['synaptic_operations'], ann['operations'], 'operations')} the dense network."


def interval(report: Report) -> str:
    row, data = chosen(report), report["dataset"]
    whole = data["samples"] == data["available"]
    frames = f"{'all' if whole else 'the first'} {data['samples']:,} {data['split']} frames of {data['name']}"
    text = f"At a threshold of {row['threshold']:g} ({row['unit']}), on {frames}"
    if report["measure"] == "accuracy":
        low, high = (100 * bound for bound in row["accuracy_ci95"])
        return f"{text}; 95 % interval {low:.2f} to {high:.2f} %."
    if report["measure"] == "iou":
        each = ", ".join(percent(value) for value in row["iou_per_class"])
        return f"{text}; IoU by class {each}; {percent(row['pixel_accuracy'])} of the pixels are right."
    if report["measure"] == "rmse":
        r2 = "" if row["r2"] is None else f", R2 {row['r2']:.4f}"
        return f"{text}; mean squared error {row['mse']:.4g}{r2}."
    return f"{text}."


def costs(report: Report) -> list[str]:
    row, ann, skipping = chosen(report), report["baselines"]["ann"], report["baselines"]["zero_skipping"]
    cost = row["synaptic_operations"]
    if row.get("withheld"):
        return [f"It spends {cost:,.0f} synaptic operations a frame; the dense network {ann['operations']:,.0f} multiply-accumulates."]
    dense, skipped = (f"{compared(cost, other['operations'])} the {other['operations']:,.0f}" for other in (ann, skipping))
    spent = f"It spends {cost:,.0f} synaptic operations a frame: {dense} multiply-accumulates of the dense ANN, and "
    return [spent + f"{skipped} that are left when the ANN skips zeros."]


def tests(report: Report) -> list[str]:
    """What the paired tests say, in a sentence each."""
    names = {"original": name_of_first(report), "ann": "the integer network"}
    several = len(report.get("tasks", {})) > 1
    return [
        f"{'On ' + test['output'] + ' it' if several else 'It'} alone is right on {test['only_first']:,} frames, {names[test['against']]} "
        f"alone on {test['only_second']:,}: p = {test['p']:.2g} (exact McNemar test)."
        for test in report.get("paired", ())
    ]


def choice(report: Report) -> str:
    if len(report["rows"]) == 1:
        return "No other threshold was tried."
    tolerance = f"{100 * report['headline']['tolerance']:g} points"
    near = f"within {tolerance}" if report["measure"] in ("accuracy", "iou") else "within a twentieth"
    selection = report.get("selection", {"on": "test"})
    if selection["on"] == "test":
        where = "it was chosen on the test frames themselves, so expect slightly less on new data"
    elif selection["on"] == "held-out":
        where = f"it was chosen on {selection['samples']:,} training frames that were held out when the model was trained"
    else:
        where = f"it was chosen on {selection['samples']:,} frames of the {selection['on']} split"
    if report["headline"]["within_tolerance"]:
        return f"Of the thresholds tried it costs the least {near} of the integer network; {where}."
    return f"No threshold tried comes {near} of the integer network; this one comes closest, and {where}."


def notes(report: Report) -> list[str]:
    found = original(report)
    if found is None and "original" in report["baselines"]:
        return ["The Keras model itself was not compared: it was not found beside the network; name it with --model."]
    return [f"{note[0].upper()}{note[1:]}." for note in (found or {}).get("notes", ())]


def listed(settings: Mapping[str, Any]) -> str:
    """Settings with their values, one after the other."""
    return ", ".join(f"{name} {value:.6g}" if isinstance(value, float) else f"{name} {value}" for name, value in settings.items())


def one_by_one(settings: Mapping[str, Any]) -> list[str]:
    """Settings with their values, each in a line."""
    return [f"{name}: {listed(value) if isinstance(value, Mapping) else value}" for name, value in settings.items()]
