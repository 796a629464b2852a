"""report.html: one page that carries everything with it, made from report.json and the pictures."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from .html import code, document, facts, figure, folded, heading, listed, note, table

Report = Mapping[str, Any]
UNITS = {
    "relative": "relative to each layer's calibrated scale",
    "absolute": "absolute",
    "lsb": "in steps of the weights' own grid",
}
LEDGER = {
    "sent_positive": "sent +",
    "sent_negative": "sent -",
    "received": "received",
    "synaptic_operations": "synaptic operations",
    "synaptic_operations_nonzero": "non-zero weight",
    "checks": "checks",
    "comparisons": "comparisons",
}


def render(report: Report, pictures: Sequence[tuple[str, bytes]]) -> str:
    """The page.

    Parameters
    ----------
    report
        What report.json holds.
    pictures
        Caption and PNG of each, in order.
    """
    title = f"{report['dataset']['name']}, event by event"
    version = f"Written by tfsnn {report['versions']['tfsnn']}, {report['time']}. The numbers are in report.json."
    sections = (
        ("Every threshold", _rows(report) + "".join(figure(*picture) for picture in pictures[2:])),
        ("Beside it: the same network without events", _baselines(report)),
        ("The ledger", _ledger(report)),
        ("Under NeuroBench's names", _neurobench(report)),
        ("Energy, under assumptions", _energy(report)),
        ("The network", _network(report)),
        ("Where this comes from", _origin(report)),
    )
    body = [
        f"<header><p>tfsnn evaluation</p><h1>{escape(title)}</h1></header>",
        f'<p class="lead">{escape(" ".join(summary(report)))}</p>',
        facts(_facts(report)),
        *(figure(*picture) for picture in pictures[:2]),
        *(heading(name) + content for name, content in sections),
        f"<footer>{escape(version)}</footer>",
    ]
    return document(title, body)


def summary(report: Report) -> list[str]:
    """The headline in sentences, for better or worse."""
    row, ann, skipping = chosen(report), report["baselines"]["ann"], report["baselines"]["zero_skipping"]
    data = report["dataset"]
    whole = data["samples"] == data["available"]
    frames = f"{'all' if whole else 'the first'} {data['samples']:,} test frames of {data['name']}"
    said = f"At a threshold of {row['threshold']:g} ({row['unit']}) the event-driven network "
    if report["measure"] == "accuracy":
        low, high = (100 * bound for bound in row["accuracy_ci95"])
        said += f"gets {percent(row['accuracy'])} of {frames} right (95 % interval {low:.2f} to {high:.2f} %); "
        said += f"the ANN with the same weights gets {percent(ann['accuracy'])}."
    else:
        said += f"errs by {row['error']:.4g} on average over {frames}; "
        said += f"the ANN with the same weights errs by {ann['error']:.4g}."
    cost = row["synaptic_operations"]
    dense, skipped = (
        f"{compared(cost, other['operations'])} the {other['operations']:,.0f}" for other in (ann, skipping)
    )
    spent = f"It spends {cost:,.0f} synaptic operations a frame: {dense} multiply-accumulates of the dense ANN, and "
    return [said, spent + f"{skipped} that are left when the ANN skips zeros.", _choice(report)]


def chosen(report: Report) -> Report:
    """The row of the headline."""
    row: Report = report["rows"][report["headline"]["row"]]
    return row


def compared(cost: float, other: float) -> str:
    """How a cost compares with another, in words.

    Examples
    --------
    >>> compared(250, 1000), compared(101, 100), compared(300, 200)
    ('4.0 times fewer than', 'about as many as', '1.5 times as many as')
    """
    if not cost or not other:
        return "against"
    if 0.95 < cost / other < 1.05:
        return "about as many as"
    return f"{other / cost:.1f} times fewer than" if cost < other else f"{cost / other:.1f} times as many as"


def percent(share: float | None) -> str:
    """A share as a percentage; a dash where there is none.

    Examples
    --------
    >>> percent(0.9905), percent(None)
    ('99.05 %', '-')
    """
    return "-" if share is None else f"{100 * share:.2f} %"


def scored(report: Report, entry: Report) -> str:
    """The score of a row or a baseline, whichever way it is measured."""
    return percent(entry["accuracy"]) if report["measure"] == "accuracy" else f"{entry['error']:.4g}"


def _choice(report: Report) -> str:
    if len(report["rows"]) == 1:
        return "No other threshold was tried."
    points = f"within {100 * report['headline']['tolerance']:g} points"
    near = points if report["measure"] == "accuracy" else "within a twentieth"
    if report["headline"]["within_tolerance"]:
        return f"Of the thresholds tried it costs the least {near} of the ANN; it was chosen on these very frames."
    return f"No threshold tried comes {near} of the ANN; this one comes closest, and was chosen on these very frames."


def _facts(report: Report) -> list[tuple[str, str]]:
    row, baselines = chosen(report), report["baselines"]
    cost = row["synaptic_operations"]
    return [
        (scored(report, row), "right answers" if report["measure"] == "accuracy" else "mean absolute error"),
        (f"{row['spikes_per_neuron']:.3f}", "spikes per neuron and frame, the input's included"),
        (f"{cost:,.0f}", "synaptic operations a frame"),
        _fewer(cost, baselines["ann"]["operations"], "dense ANN"),
        _fewer(cost, baselines["zero_skipping"]["operations"], "zero-skipping ANN"),
    ]


def _fewer(cost: float, other: float, name: str) -> tuple[str, str]:
    if not cost or not other:
        return "-", f"operations of the {name} beside it"
    word = "fewer" if cost <= other else "more"
    return f"{max(cost / other, other / cost):.2f}×", f"{word} operations than the {name}"


def _rows(report: Report) -> str:
    row, stream = report["rows"][0], report["dataset"]["one_stream"]
    spiking = ", outputs that spike" if row["spiking_output"] else ""
    text = f"{row['spikes'].capitalize()} spikes, {row['schedule']} schedule, from {row['initial']}{spiking}; "
    text += (
        f"engine {row['engine']}. Thresholds are {UNITS[row['unit']]}. Operations are target neurons actually reached, "
    )
    text += (
        "borders and strides exact; the reduction compares them with the dense ANN's multiply-accumulates inside the "
    )
    text += "borders." + ("" if stream else " The network starts anew with each frame: every frame is a first frame.")
    score = ["accuracy", "95 % interval", "same as ANN"] if report["measure"] == "accuracy" else ["error"]
    cost = ["spikes / neuron", "operations", *["first frame"] * stream, "reduction", "neuron checks", "seconds"]
    lines = [_row(report, at) for at in range(len(report["rows"]))]
    return note(text) + table(
        ["threshold", *score, "quantized ANN", *cost], lines, {report["headline"]["row"]: "chosen"}
    )


def _row(report: Report, at: int) -> list[str]:
    row, quantized = report["rows"][at], report["baselines"]["quantized"][at]
    cells = [f"{row['threshold']:g}", scored(report, row)]
    if report["measure"] == "accuracy":
        low, high = (100 * bound for bound in row["accuracy_ci95"])
        cells += [f"{low:.2f} to {high:.2f}", percent(row["same_as_ann"])]
    cells += [scored(report, quantized), f"{row['spikes_per_neuron']:.4f}", f"{row['synaptic_operations']:,.0f}"]
    cells += [f"{row['first_frame_operations']:,.0f}"] * report["dataset"]["one_stream"]
    return [*cells, _factor(row["reduction"]), f"{row['checks']:,.0f}", f"{row['seconds']:.1f}"]


def baselines(report: Report) -> list[tuple[str, str, str]]:
    """Name, score and multiply-accumulates of each ANN, as text."""
    ann, skipping = report["baselines"]["ann"], report["baselines"]["zero_skipping"]
    counts = [
        ("dense ANN, border taps counted", ann["operations_with_borders"]),
        ("dense ANN, inside the borders", ann["operations"]),
        ("dense ANN, as counted in AICAS 2019", ann["operations_as_in_aicas_2019"]),
        ("zero-skipping ANN", skipping["operations"]),
    ]
    return [(name, scored(report, ann), f"{count:,.0f}") for name, count in counts if count is not None]


def _baselines(report: Report) -> str:
    ann = report["baselines"]["ann"]
    text = "On the same frames, with the same quantized weights. The zero-skipping ANN spends nothing on inputs that are "
    text += f"exactly 0 ({percent(ann['activation_sparsity'])} of its hidden activations are), and answers the same. "
    if ann["operations_as_in_aicas_2019"] is not None:
        text += "The count of AICAS 2019 forgets the input channels of the second convolution; the others are true. "
    text += "The quantized ANN, o = T floor(f(x) / T) without events, stands in the table above."
    return note(text) + table(["", report["measure"], "multiply-accumulates a frame"], baselines(report))


def _ledger(report: Report) -> str:
    at, layers, lines = report["headline"]["row"], report["layers"], []
    totals = {key: sum(layer["rows"][at][key] for layer in layers) for key in LEDGER}
    keys = [key for key in LEDGER if totals[key] or key != "comparisons"]
    for layer in layers:
        row = layer["rows"][at]
        threshold = "-" if row["real_threshold"] is None else f"{row['real_threshold']:.4g}"
        counts = [f"{row[key]:,.1f}" if 0 < row[key] < 100 else f"{row[key]:,.0f}" for key in keys]
        macs = [f"{layer['dense_macs']:,}", f"{layer['zero_skipping_macs']:,.0f}"]
        lines.append([layer["name"], f"{layer['neurons']:,}", threshold, *counts, *macs])
    sums = [totals[key] for key in keys]
    sums += [sum(layer[key] for layer in layers) for key in ("dense_macs", "zero_skipping_macs")]
    lines.append(["all", f"{sum(layer['neurons'] for layer in layers):,}", "", *(f"{total:,.0f}" for total in sums)])
    text = f"Means over frames at a threshold of {chosen(report)['threshold']:g}; report.json has the ledgers of all "
    text += f"thresholds. The encoder compares {report['encoder']['comparisons']:,} pixels a frame. "
    text += "One check is a subtraction and a comparison."
    head = ["layer", "neurons", "threshold T", *(LEDGER[key] for key in keys), "dense MACs", "zero-skipping MACs"]
    return note(text) + table(head, lines, {len(layers): "total"})


def _neurobench(report: Report) -> str:
    names = list(report["rows"][0]["neurobench"])
    lines = []
    for row in report["rows"]:
        found = row["neurobench"]
        lines.append([f"{row['threshold']:g}", *(_bench(name, found[name]) for name in names)])
    text = (
        "Operations through non-zero weights; sparsity over neurons and time stamps, given where its definition fits "
    )
    text += (
        "(at most one spike a neuron and time stamp); footprint in bytes: weights, biases, scales, a sample's state."
    )
    return note(text) + table(["threshold", *names], lines, {report["headline"]["row"]: "chosen"})


def _energy(report: Report) -> str:
    lines = []
    for preset in report["energy"]["presets"]:
        spent = preset["rows"][report["headline"]["row"]]
        energies = [preset["ann"], preset["zero_skipping"], spent]
        ratios = [_factor(other / spent if spent else None) for other in energies[:2]]
        lines.append([preset["name"], *(f"{value / 1000:,.3g}" for value in energies), *ratios])
    head = ["assumption", "dense ANN, µJ", "zero-skipping ANN, µJ", "event-driven, µJ"]
    head += ["dense / event-driven", "zero-skipping / event-driven"]
    text = f"For a frame, at a threshold of {chosen(report)['threshold']:g}. Who is ahead can turn on what memory is "
    text += "taken to cost: no row is the truth."
    return note(text) + table(head, lines) + listed(report["energy"]["assumptions"])


def _network(report: Report) -> str:
    net = report["network"]
    text = f"{net['neurons']:,} neurons and {net['inputs']:,} inputs, {net['synapses']:,} synapses (shared weights "
    text += (
        f"counted wherever they stand), {net['parameters']:,} parameters; {net['weight_bytes']:,} bytes of weights, "
    )
    text += f"{net['state_bytes']:,} bytes of state."
    return note(text) + code(net["table"])


def _origin(report: Report) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in report["versions"].items() if version)
    host = ", ".join(f"{name} {value}" for name, value in report["host"].items())
    settings = ", ".join(f"{name} {_plain(value)}" for name, value in report["encoder"].items())
    more = ("provenance", "verification")
    parts = [
        *(note("To do it again:"), code(report["command"], wrapped=True), note(f"Encoder: {settings}.")),
        *(table(["input", "SHA-256"], report["inputs"].items()), note(f"{versions}; {host}.")),
        *(folded(f"{what} of the network", json.dumps(report[what], indent=2)) for what in more if report[what]),
    ]
    return "".join(parts)


def _factor(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}×"


def _plain(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _bench(name: str, value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.4f}" if name == "ActivationSparsity" else f"{value:,.0f}"
