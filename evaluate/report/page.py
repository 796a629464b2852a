"""report.html: one page that carries everything with it, made from report.json and the pictures."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .html import code, document, escape, facts, figure, folded, heading, listed, note, table
from .steps import MEASURED, amount, baselines_before, head, lines, name_of_first, original, percent, scored

Report = Mapping[str, Any]
UNITS = {
    "relative": "relative to each layer's calibrated scale",
    "absolute": "absolute",
    "lsb": "in steps of the weights' own grid",
}
FIGURES = {
    "accuracy": "accuracy",
    "rmse": "root mean squared error",
    "mse": "mean squared error",
    "r2": "R2",
    "error": "mean absolute error",
    "iou": "mean IoU",
    "pixel_accuracy": "pixel accuracy",
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
        Caption and PNG of each, in order: the first one stands on the first screen, the last where a single frame is shown.
    """
    version = f"Written by tfsnn {report['versions']['tfsnn']}, {report['time']}. The numbers are in report.json."
    sections = (
        ("Step by step: what is lost, and what it costs", _steps(report) + "".join(figure(*picture) for picture in pictures[1:])),
        ("Beside it: the same network without events", _baselines(report)),
        *((("How fast", _speed(report)),) if report.get("speed") else ()),
        ("The ledger", _ledger(report)),
        ("Under NeuroBench's names", _neurobench(report)),
        ("Energy, under assumptions", _energy(report)),
        ("The network", _network(report)),
        ("Where this comes from", _origin(report)),
    )
    # No line ends between a number and its sign.
    # After escaping, which shows characters that are not printable by their codes.
    headline = escape(_headline(report)).replace(" %", "&nbsp;%")
    body = [
        f"<header><p>{escape(report['dataset']['name'])}, event by event</p><h1>{headline}</h1></header>",
        f'<p class="lead">{escape(" ".join([_interval(report), *_costs(report)]))}</p>',
        f"<p>{escape(' '.join([*_tests(report), _choice(report), *_notes(report)]))}</p>",
        facts(_facts(report)),
        *(figure(*picture) for picture in pictures[:1]),
        *(heading(name) + content for name, content in sections),
        f"<footer>{escape(version)}</footer>",
    ]
    return document(f"{report['dataset']['name']}, event by event", body)


def summary(report: Report) -> list[str]:
    """The result in one plain sentence, for better or worse; then what it rests on."""
    return [_headline(report), _interval(report), *_costs(report), *_tests(report), _choice(report), *_notes(report)]


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


def _headline(report: Report) -> str:
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


def _interval(report: Report) -> str:
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


def _costs(report: Report) -> list[str]:
    row, ann, skipping = chosen(report), report["baselines"]["ann"], report["baselines"]["zero_skipping"]
    cost = row["synaptic_operations"]
    if row.get("withheld"):
        return [f"It spends {cost:,.0f} synaptic operations a frame; the dense network {ann['operations']:,.0f} multiply-accumulates."]
    dense, skipped = (f"{compared(cost, other['operations'])} the {other['operations']:,.0f}" for other in (ann, skipping))
    spent = f"It spends {cost:,.0f} synaptic operations a frame: {dense} multiply-accumulates of the dense ANN, and "
    return [spent + f"{skipped} that are left when the ANN skips zeros."]


def _tests(report: Report) -> list[str]:
    """What the paired tests say, in a sentence each."""
    names = {"original": name_of_first(report), "ann": "the integer network"}
    several = len(report.get("tasks", {})) > 1
    return [
        f"{'On ' + test['output'] + ' it' if several else 'It'} alone is right on {test['only_first']:,} frames, {names[test['against']]} "
        f"alone on {test['only_second']:,}: p = {test['p']:.2g} (exact McNemar test)."
        for test in report.get("paired", ())
    ]


def _choice(report: Report) -> str:
    if len(report["rows"]) == 1:
        return "No other threshold was tried."
    tolerance = f"{100 * report['headline']['tolerance']:g} points"
    near = f"within {tolerance}" if report["measure"] in ("accuracy", "iou") else "within a twentieth"
    selection = report.get("selection", {"on": "test"})
    if selection["on"] == "test":
        where = "it was chosen on the test frames themselves, so expect slightly less on new data"
    else:
        where = f"it was chosen on {selection['samples']:,} frames of the {selection['on']} split"
    if report["headline"]["within_tolerance"]:
        return f"Of the thresholds tried it costs the least {near} of the integer network; {where}."
    return f"No threshold tried comes {near} of the integer network; this one comes closest, and {where}."


def _notes(report: Report) -> list[str]:
    found = original(report)
    if found is None and "original" in report["baselines"]:
        return ["The Keras model itself was not compared: it was not found beside the network; name it with --model."]
    return [f"{note[0].upper()}{note[1:]}." for note in (found or {}).get("notes", ())]


def _facts(report: Report) -> list[tuple[str, str]]:
    row, baselines = chosen(report), report["baselines"]
    cost, measure = row["synaptic_operations"], report["measure"]
    tiles = [(scored(report, row), "right answers" if measure == "accuracy" else MEASURED[measure])]
    if original(report) is not None:
        tiles.append((scored(report, baselines["original"]), f"{name_of_first(report)}, {baselines['original']['input']}"))
    tiles += [
        (f"{row['spikes_per_neuron']:.3f}", "spikes per neuron and frame, the input's included"),
        (f"{cost:,.0f}", "synaptic operations a frame"),
    ]
    if row.get("withheld"):
        return tiles
    others = (("dense ANN", baselines["ann"]), ("zero-skipping ANN", baselines["zero_skipping"]))
    return tiles + [_fewer(cost, other["operations"], name) for name, other in others]


def _fewer(cost: float, other: float, name: str) -> tuple[str, str]:
    if not cost or not other:
        return "-", f"operations of the {name} beside it"
    if cost <= other:
        return f"{other / cost:.1f}×", f"fewer operations than the {name}"
    return f"{cost / other:.1f}×", f"as many operations as the {name}"


def _steps(report: Report) -> str:
    row, stream, headline = report["rows"][0], report["dataset"]["one_stream"], report["headline"]
    spiking = ", outputs that spike" if row["spiking_output"] else ""
    text = f"{row['spikes'].capitalize()} spikes, {row['schedule']} schedule, from {row['initial']}{spiking}; "
    text += f"engine {row['engine']}. Thresholds are {UNITS[row['unit']]}. Operations are target neurons actually reached, borders "
    text += "and strides exact; they are compared with the dense network's multiply-accumulates inside the borders. "
    if "margin" in headline:
        text += f"Losses are against the first row; beyond {amount(report, headline['margin'])}, and for answers no better than one that "
        text += "is always the same, no saving is claimed."
    text += "" if stream else " The network starts anew with each frame: every frame is a first frame."
    rows = [["-" if cell is None else cell for cell in line] for line in lines(report)]
    return note(text) + table(head(report), rows, {baselines_before(report) + headline["row"]: "chosen"}) + _outputs(report)


def _outputs(report: Report) -> str:
    """Every measure of every output, where there is more to say than one number."""
    named = report.get("tasks", {})
    entries = {"event network": chosen(report), "integer network": report["baselines"]["ann"]}
    entries |= {"the model": found} if (found := original(report)) is not None else {}
    rows = []
    for output in named:
        for name, entry in entries.items():
            figures = entry.get("outputs", {output: entry})[output]
            rows += [[output, name, measure, value] for measure, value in _measures(figures)]
    return table(["output", "network", "measure", "value"], rows) if len(named) > 1 or report["measure"] != "accuracy" and named else ""


def _measures(figures: Report) -> Iterator[tuple[str, str]]:
    for measure, value in figures.items():
        if measure == "iou_per_class":
            yield from ((f"IoU of class {number}", percent(share)) for number, share in enumerate(value))
        elif measure in FIGURES and value is not None:
            yield FIGURES[measure], percent(value) if measure in ("accuracy", "iou", "pixel_accuracy") else f"{value:.4g}"


def _speed(report: Report) -> str:
    found = report["speed"]
    names = {"event": "event network", "keras": "Keras, compiled function", "litert": "LiteRT, float32, 1 thread"}
    rows = [[names[name], *(f"{ms[key]:.3f}" for key in ("mean", "median", "p99"))] for name, ms in found["ms"].items()]
    text = f"Milliseconds a frame over {found['frames']:,} frames at a threshold of {chosen(report)['threshold']:g}, one frame at a "
    text += "time and each network in turn; the event network's include encoding. On the processor at hand, as busy as it was."
    return note(" ".join([text, *(f"{each}." for each in found["notes"])])) + table(["", "mean", "median", "99th percentile"], rows)


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


def coded(report: Report) -> tuple[list[str], list[list[str]]]:
    """Head and rows of the spiking baselines."""
    rows = [
        [
            entry["words"],
            scored(report, entry),
            f"{entry['spikes_per_neuron']:.4f}",
            f"{entry['synaptic_operations']:,.0f}",
            f"{entry['input_macs']:,}",
        ]
        for entry in report["baselines"].get("coded", [])
    ]
    head = ["spiking baseline", MEASURED[report["measure"]], "spikes/neuron", "operations", "MACs of the analog input"]
    return head, rows


def _baselines(report: Report) -> str:
    ann = report["baselines"]["ann"]
    text = "On the same frames, with the same quantized weights. The zero-skipping ANN spends nothing on inputs that are "
    text += f"exactly 0 ({percent(ann['activation_sparsity'])} of its hidden activations are), and answers the same. "
    if ann["operations_as_in_aicas_2019"] is not None:
        text += "The count of AICAS 2019 forgets the input channels of the second convolution; the others are true. "
    text += "The quantized ANN is o = T floor(f(x) / T) in every layer, without events, at each threshold."
    quantized = [[f"{entry['threshold']:g}", scored(report, entry)] for entry in report["baselines"]["quantized"]]
    counts = table(["", MEASURED[report["measure"]], "multiply-accumulates a frame"], baselines(report))
    head, rows = coded(report)
    spiking = table(head, rows) if rows else ""
    return note(text) + counts + table(["threshold", f"quantized ANN, {MEASURED[report['measure']]}"], quantized) + spiking


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
        claimed = spent and not chosen(report).get("withheld")
        ratios = [_factor(other / spent if claimed else None) for other in energies[:2]]
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
