"""report.html: one page that carries everything with it, made from report.json and the pictures."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

Report = Mapping[str, Any]
CSS = """
:root { --ink: #1c2126; --soft: #5b6670; --line: #dfe3e6; --wash: #f5f7f8; --accent: #0072b2; }
* { box-sizing: border-box; }
body { margin: 0; color: var(--ink); background: #fff; font: 16px/1.55 system-ui, "Segoe UI", "Helvetica Neue", Arial, sans-serif; }
main { max-width: 64rem; margin: 0 auto; padding: 3rem 1.5rem 5rem; }
header p.kind { margin: 0; color: var(--accent); font-size: .8rem; font-weight: 600; letter-spacing: .08em; text-transform: uppercase; }
h1 { margin: .1rem 0 1.4rem; font-size: 1.9rem; line-height: 1.2; letter-spacing: -.01em; }
h2 { margin: 3.2rem 0 .4rem; padding-top: 1.2rem; border-top: 1px solid var(--line); font-size: 1.25rem; }
p { max-width: 46rem; margin: .6rem 0; }
p.lead { font-size: 1.12rem; }
p.note, figcaption, ul.note { color: var(--soft); font-size: .87rem; }
ul.note { max-width: 50rem; padding-left: 1.1rem; }
dl.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(11rem, 1fr)); gap: 1px; margin: 1.8rem 0; padding: 0;
  background: var(--line); border: 1px solid var(--line); border-radius: 6px; overflow: hidden; }
dl.facts div { display: flex; flex-direction: column-reverse; padding: .9rem 1.1rem; background: #fff; }
dl.facts dt { color: var(--soft); font-size: .82rem; line-height: 1.35; }
dl.facts dd { margin: 0; font-size: 1.55rem; font-weight: 600; letter-spacing: -.01em; font-variant-numeric: tabular-nums; }
.wide { overflow-x: auto; margin: 1rem 0; }
table { border-collapse: collapse; width: 100%; font-size: .87rem; font-variant-numeric: tabular-nums; }
th, td { padding: .34rem .7rem; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--line); }
th { color: var(--soft); font-weight: 600; vertical-align: bottom; border-bottom: 1px solid #aeb6bc; }
th:first-child, td:first-child { padding-left: 0; text-align: left; }
tr.chosen td { background: #e8f2f8; font-weight: 600; }
tr.total td { border-top: 1px solid #aeb6bc; border-bottom: 0; font-weight: 600; }
figure { margin: 1.4rem 0 2rem; }
figure img { display: block; max-width: 100%; height: auto; }
pre { overflow-x: auto; padding: .9rem 1.1rem; background: var(--wash); border-radius: 6px; font: .82rem/1.5 ui-monospace, Menlo, Consolas, monospace; }
details summary { cursor: pointer; color: var(--accent); font-size: .9rem; }
footer { margin-top: 4rem; color: var(--soft); font-size: .82rem; }
@media print { main { max-width: none; padding: 0; } h2, figure, table { break-inside: avoid; } }
"""


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
    body = [
        f'<header><p class="kind">tfsnn evaluation</p><h1>{escape(title)}</h1></header>',
        f'<p class="lead">{escape(" ".join(summary(report)))}</p>',
        _facts(report),
        *(_figure(caption, picture) for caption, picture in pictures[:2]),
        *("<h2>Every threshold</h2>", _rows_note(report), _rows(report)),
        *(_figure(caption, picture) for caption, picture in pictures[2:]),
        *("<h2>Beside it: the same network without events</h2>", _baselines(report)),
        *("<h2>The ledger</h2>", _ledger(report)),
        *("<h2>Under NeuroBench's names</h2>", _neurobench(report)),
        *("<h2>Energy, under assumptions</h2>", _energy(report)),
        *("<h2>The network</h2>", _network(report)),
        *("<h2>Where this comes from</h2>", _origin(report)),
        f'<footer>Written by tfsnn {escape(str(report["versions"]["tfsnn"]))}, {escape(report["time"])}. The numbers are in report.json.</footer>',
    ]
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>{escape(title)}</title><style>{CSS}</style>'
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body><main>\n' + "\n".join(body) + "\n</main></body></html>\n"


def summary(report: Report) -> list[str]:
    """The headline in sentences, for better or worse."""
    row, ann = chosen(report), report["baselines"]["ann"]
    skipping, data = report["baselines"]["zero_skipping"], report["dataset"]
    whole = data["samples"] == data["available"]
    frames = f"{'all' if whole else 'the first'} {data['samples']:,} test frames of {data['name']}"
    said = f"At a threshold of {row['threshold']:g} ({row['unit']}) the event-driven network "
    if report["measure"] == "accuracy":
        low, high = row["accuracy_ci95"]
        said += f"gets {percent(row['accuracy'])} of {frames} right (95 % interval {100 * low:.2f} to {100 * high:.2f} %); "
        said += f"the ANN that it stands for gets {percent(ann['accuracy'])}."
    else:
        said += f"errs by {row['error']:.4g} on average over {frames}; the ANN that it stands for errs by {ann['error']:.4g}."
    cost = f"It spends {row['synaptic_operations']:,.0f} synaptic operations a frame: {times(row['synaptic_operations'], ann['operations'])} the "
    cost += f"{ann['operations']:,} multiply-accumulates of the dense ANN, and {times(row['synaptic_operations'], skipping['operations'])} the "
    cost += f"{skipping['operations']:,.0f} that are left when the ANN skips zeros."
    return [said, cost, _choice(report)]


def chosen(report: Report) -> Report:
    """The row that the report speaks of."""
    row: Report = report["rows"][report["headline"]["row"]]
    return row


def times(cost: float, other: float) -> str:
    """How a cost compares with another, in words."""
    if not cost or not other:
        return "against"
    if 0.95 < cost / other < 1.05:
        return "as many as"
    return f"{other / cost:.1f} times fewer than" if cost < other else f"{cost / other:.1f} times as many as"


def percent(share: float | None) -> str:
    """A share as a percentage; a dash where there is none.

    Examples
    --------
    >>> percent(0.9905), percent(None)
    ('99.05 %', '-')
    """
    return "-" if share is None else f"{100 * share:.2f} %"


def _choice(report: Report) -> str:
    if len(report["rows"]) == 1:
        return "No other threshold was tried."
    near = f"within {100 * report['headline']['tolerance']:g} points" if report["measure"] == "accuracy" else "within a twentieth"
    if report["headline"]["within_tolerance"]:
        return f"Of the thresholds tried it costs the least {near} of the ANN; it was chosen on these very frames."
    return f"No threshold tried comes {near} of the ANN; this one comes closest, and was chosen on these very frames."


def _facts(report: Report) -> str:
    row = chosen(report)
    first = (percent(row["accuracy"]), "right answers") if report["measure"] == "accuracy" else (f"{row['error']:.4g}", "mean absolute error")
    facts = [
        first,
        (f"{row['synaptic_operations']:,.0f}", "synaptic operations a frame"),
        (_factor(row["reduction"]), "fewer than the dense ANN's multiply-accumulates"),
        (f"{row['spikes_per_neuron']:.3f}", "spikes per neuron and frame, the input's included"),
    ]
    return '<dl class="facts">' + "".join(f"<div><dt>{escape(what)}</dt><dd>{escape(value)}</dd></div>" for value, what in facts) + "</dl>"


def _rows_note(report: Report) -> str:
    row = report["rows"][0]
    text = f"{row['spikes']} spikes, {row['schedule']} schedule, from {row['initial']}, engine {row['engine']}"
    text += ", outputs that spike" if row["spiking_output"] else ""
    return _note(
        f"{text[0].upper()}{text[1:]}. Thresholds are {UNITS[row['unit']]}. Operations are target neurons actually reached, borders and "
        "strides exact; the reduction compares them with the dense ANN's multiply-accumulates inside the borders."
    )


UNITS = {"relative": "relative to each layer's calibrated scale", "absolute": "absolute", "lsb": "in steps of the weights' own grid"}


def _rows(report: Report) -> str:
    correct = report["measure"] == "accuracy"
    head = ["threshold", *(["accuracy", "95 % interval", "same as ANN", "quantized ANN"] if correct else ["error", "quantized ANN"])]
    head += ["spikes / neuron", "operations", "first frame", "reduction", "neuron checks", "seconds"]
    lines = []
    for row, quantized in zip(report["rows"], report["baselines"]["quantized"]):
        score = [f"{row['error']:.4g}", f"{quantized['error']:.4g}"] if not correct else [
            percent(row["accuracy"]), "{:.2f} to {:.2f}".format(*(100 * bound for bound in row["accuracy_ci95"])),
            percent(row["same_as_ann"]), percent(quantized["accuracy"]),
        ]
        counts = [f"{row[key]:,.0f}" for key in ("synaptic_operations", "first_frame_operations")]
        cost = [f"{row['spikes_per_neuron']:.4f}", *counts, _factor(row["reduction"]), f"{row['checks']:,.0f}", f"{row['seconds']:.1f}"]
        lines.append([f"{row['threshold']:g}", *score, *cost])
    return _table(head, lines, {report["headline"]["row"]: "chosen"})


def _baselines(report: Report) -> str:
    ann, skipping = report["baselines"]["ann"], report["baselines"]["zero_skipping"]
    said = percent(ann["accuracy"]) if report["measure"] == "accuracy" else f"{ann['error']:.4g}"
    lines = [["dense ANN, border taps counted", said, f"{ann['operations_with_borders']:,}"]]
    lines.append(["dense ANN, inside the borders", said, f"{ann['operations']:,}"])
    if ann["operations_as_in_aicas_2019"]:
        lines.append(["dense ANN, as counted in AICAS 2019", said, f"{ann['operations_as_in_aicas_2019']:,}"])
    lines.append(["zero-skipping ANN", said, f"{skipping['operations']:,.0f}"])
    text = "On the same frames, with the same int8 weights. The zero-skipping ANN spends nothing on inputs that are exactly 0 "
    text += f"({percent(ann['activation_sparsity'])} of its hidden activations are), and answers the same."
    if ann["operations_as_in_aicas_2019"]:
        text += " The count of AICAS 2019 forgets the input channels of the second convolution; the others are true."
    text += " The quantized ANN, o = T floor(f(x) / T) without events, stands in the table above."
    return _note(text) + _table(["", "accuracy" if report["measure"] == "accuracy" else "error", "multiply-accumulates a frame"], lines)


def _ledger(report: Report) -> str:
    at = report["headline"]["row"]
    keys = ("sent_positive", "sent_negative", "received", "synaptic_operations", "synaptic_operations_nonzero", "checks", "comparisons")
    head = ["layer", "neurons", "threshold T", "sent +", "sent -", "received", "synaptic operations", "non-zero weight", "checks", "comparisons"]
    head += ["dense MACs", "zero-skipping MACs"]
    lines = []
    for layer in report["layers"]:
        row = layer["rows"][at]
        threshold = "-" if row["real_threshold"] is None else f"{row['real_threshold']:.4g}"
        counts = [f"{row[key]:,.1f}" if 0 < row[key] < 100 else f"{row[key]:,.0f}" for key in keys]
        macs = [f"{layer['dense_macs']:,}", f"{layer['zero_skipping_macs']:,.0f}"]
        lines.append([layer["name"], f"{layer['neurons']:,}", threshold, *counts, *macs])
    sums = [sum(layer["rows"][at][key] for layer in report["layers"]) for key in keys]
    macs = [sum(layer[key] for layer in report["layers"]) for key in ("dense_macs", "zero_skipping_macs")]
    lines.append(["all", f"{sum(layer['neurons'] for layer in report['layers']):,}", "", *(f"{n:,.0f}" for n in [*sums, *macs])])
    text = f"Means over frames at a threshold of {chosen(report)['threshold']:g}; the ledgers of all thresholds are in report.json. "
    text += f"The encoder compares {report['encoder']['comparisons']:,} pixels a frame. One check is a subtraction and a comparison."
    return _note(text) + _table(head, lines, {len(lines) - 1: "total"})


def _neurobench(report: Report) -> str:
    names = list(report["rows"][0]["neurobench"])
    lines = [[f"{row['threshold']:g}", *(_bench(name, row["neurobench"][name]) for name in names)] for row in report["rows"]]
    text = "Operations through non-zero weights; sparsity over neurons and time stamps, given where its definition fits (at most one spike a "
    text += "neuron and time stamp); footprint in bytes: weights, biases, scales, and the state of one sample."
    return _note(text) + _table(["threshold", *names], lines, {report["headline"]["row"]: "chosen"})


def _energy(report: Report) -> str:
    energy = report["energy"]
    lines = []
    for preset in energy["presets"]:
        spent = preset["rows"][report["headline"]["row"]]
        ratios = [_factor(preset[key] / spent if spent else None) for key in ("ann", "zero_skipping")]
        lines.append([preset["name"], *(f"{value / 1000:,.3g}" for value in (preset["ann"], preset["zero_skipping"], spent)), *ratios])
    head = ["assumption", "dense ANN, µJ", "zero-skipping ANN, µJ", "event-driven, µJ", "dense / event-driven", "zero-skipping / event-driven"]
    text = f"For a frame, at a threshold of {chosen(report)['threshold']:g}. Which of the two is ahead depends on what memory costs: no row is the truth."
    listed = "".join(f"<li>{escape(line)}</li>" for line in energy["assumptions"])
    return _note(text) + _table(head, lines) + f'<ul class="note">{listed}</ul>'


def _network(report: Report) -> str:
    net = report["network"]
    text = f"{net['neurons']:,} neurons and {net['inputs']:,} inputs, {net['synapses']:,} synapses (shared weights counted wherever they stand), "
    text += f"{net['parameters']:,} parameters; {net['weight_bytes']:,} bytes of weights, {net['state_bytes']:,} bytes of state."
    return _note(text) + f"<pre>{escape(net['table'])}</pre>"


def _origin(report: Report) -> str:
    lines = [[name, value] for name, value in report["inputs"].items()]
    versions = ", ".join(f"{name} {version}" for name, version in report["versions"].items() if version)
    host = ", ".join(f"{name} {value}" for name, value in report["host"].items())
    encoder = ", ".join(f"{name} {value:.6g}" if isinstance(value, float) else f"{name} {value}" for name, value in report["encoder"].items())
    more = {"provenance of the network": report["provenance"], "verification of the network": report["verification"]}
    details = "".join(f"<details><summary>{name}</summary><pre>{escape(json.dumps(what, indent=2))}</pre></details>" for name, what in more.items() if what)
    return (
        _note("To do it again:") + f"<pre>{escape(report['command'])}</pre>" + _note(f"Encoder: {encoder}.")
        + _table(["input", "SHA-256"], lines) + _note(f"{versions}; {host}.") + details
    )


def _figure(caption: str, picture: bytes) -> str:
    data = base64.b64encode(picture).decode()
    return f'<figure><img alt="{escape(caption)}" src="data:image/png;base64,{data}"><figcaption>{escape(caption)}</figcaption></figure>'


def _table(head: Iterable[str], lines: Iterable[Iterable[str]], classes: Mapping[int, str] | None = None) -> str:
    marks = classes or {}
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    body = "".join(
        f'<tr class="{marks.get(at, "")}">' + "".join(f"<td>{escape(cell)}</td>" for cell in line) + "</tr>" for at, line in enumerate(lines)
    )
    return f'<div class="wide"><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'


def _note(text: str) -> str:
    return f'<p class="note">{escape(text)}</p>'


def _factor(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}×"


def _bench(name: str, value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.4f}" if name == "ActivationSparsity" else f"{value:,.0f}"
