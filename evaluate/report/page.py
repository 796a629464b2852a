"""report.html: one page that carries everything with it, made from report.json alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..plots import figures
from . import sentences, tables
from .environment import render as rendered
from .parts import Charts, Code, Part, Points, Section, Text
from .picture import picture
from .sentences import chosen
from .steps import amount, percent

Report = Mapping[str, Any]
UNITS = {
    "relative": "relative to each layer's calibrated scale",
    "absolute": "absolute",
    "lsb": "in steps of the weights' own grid",
}


def render(report: Report) -> str:
    """The page.

    Parameters
    ----------
    report
        What report.json holds.
    """
    name = f"{report['dataset']['name']}, event by event"
    version = f"Written by tfsnn {report['versions']['tfsnn']}, {report['time']}. The numbers are in report.json."
    return rendered(
        "report.html",
        title=name,
        over=name,
        headline=sentences.headline(report),
        first_table=tables.first(report),
        first_chart=figures.ends(report, "operations"),
        first_text=[" ".join([sentences.interval(report), *sentences.costs(report)])],
        sections=_sections(report),
        footer=version,
    )


def _sections(report: Report) -> list[Section]:
    spikes = figures.ends(report, "spikes_per_neuron")
    return [
        Section("What it rests on", [Points([*sentences.tests(report), sentences.choice(report), *sentences.notes(report)])]),
        Section("Step by step", [Text(_settings(report)), tables.steps(report), *_outputs(report)]),
        Section("Within a frame", [Charts([*figures.course(report), spikes])]),
        Section("Layer by layer", _layers(report)),
        Section("Without events", _baselines(report)),
        *([Section("How fast", _speed(report))] if report.get("speed") else []),
        Section("Under NeuroBench's names", _neurobench(report)),
        Section("Energy, under assumptions", _energy(report)),
        Section("The network", _network(report)),
        *([Section("A single frame", _frame(report))] if report.get("frame") else []),
        Section("Where this comes from", _origin(report)),
    ]


def _settings(report: Report) -> str:
    row, stream = report["rows"][0], report["dataset"]["one_stream"]
    spiking = ", outputs that spike" if row["spiking_output"] else ""
    text = f"{row['spikes'].capitalize()} spikes, {row['schedule']} schedule, from {row['initial']}{spiking}; "
    text += f"engine {row['engine']}. Thresholds are {UNITS[row['unit']]}. Operations are target neurons actually reached, borders "
    text += "and strides exact; they are compared with the dense network's multiply-accumulates inside the borders. "
    if "margin" in report["headline"]:
        text += f"Losses are against the first row; beyond {amount(report, report['headline']['margin'])}, and for answers no better than "
        text += "one that is always the same, no saving is claimed."
    return text + ("" if stream else " The network starts anew with each frame: every frame is a first frame.")


def _outputs(report: Report) -> list[Part]:
    """Where there is more to say than one number."""
    several = len(report.get("tasks", {})) > 1 or (report["measure"] != "accuracy" and report.get("tasks"))
    return [tables.outputs(report)] if several else []


def _layers(report: Report) -> list[Part]:
    text = f"Means over frames at a threshold of {chosen(report)['threshold']:g}; report.json has the ledgers of all "
    text += f"thresholds. The encoder compares {report['encoder']['comparisons']:,} pixels a frame. "
    text += "One check is a subtraction and a comparison."
    bars = "Operations of the event network; bars from the top: dense, zeros skipped, events. "
    if report.get("error_frames"):
        bars += "Error: root mean square of what a layer has sent minus what it would send in the integer network, as a share of the "
        bars += f"latter's; at the end of the first {report['error_frames']:,} frames."
    return [Text(bars), tables.layers(report), Text(text), tables.ledger(report)]


def _frame(report: Report) -> list[Part]:
    found = report["frame"]
    text = f"At a threshold of {found['threshold']:g}: what came in, what the outputs made of it, and the spikes between (AICAS Fig. 2). "
    text += "Blue: positive spikes, orange: negative ones; of many, some that are evenly chosen."
    return [Text(text), picture(found["image"], found["words"]), figures.frame_outputs(report), tables.spikes(report)]


def _baselines(report: Report) -> list[Part]:
    ann = report["baselines"]["ann"]
    text = "On the same frames, with the same quantized weights. The zero-skipping ANN spends nothing on inputs that are "
    text += f"exactly 0 ({percent(ann['activation_sparsity'])} of its hidden activations are), and answers the same. "
    if ann["operations_as_in_aicas_2019"] is not None:
        text += "The count of AICAS 2019 forgets the input channels of the second convolution; the others are true. "
    text += "The quantized ANN is o = T floor(f(x) / T) in every layer, without events, at each threshold."
    coded = [tables.coded_table(report)] if report["baselines"].get("coded") else []
    return [Text(text), tables.dense(report), tables.quantized(report), *coded]


def _speed(report: Report) -> list[Part]:
    found, host = report["speed"], report["host"]
    text = f"Over {found['frames']:,} frames at a threshold of {chosen(report)['threshold']:g}, one frame at a time and each network "
    text += "in turn; the event network's time includes encoding. On "
    text += f"{host.get('processor', 'the processor at hand')}, as busy as it was."
    return [Text(" ".join([text, *(f"{each}." for each in found["notes"])])), tables.speed(report)]


def _neurobench(report: Report) -> list[Part]:
    text = "Operations through non-zero weights; sparsity over neurons and time stamps, given where its definition fits "
    text += "(at most one spike a neuron and time stamp); footprint in bytes: weights, biases, scales, a sample's state."
    return [Text(text), tables.neurobench(report)]


def _energy(report: Report) -> list[Part]:
    text = f"For a frame, at a threshold of {chosen(report)['threshold']:g}. Who is ahead can turn on what memory is "
    text += "taken to cost: no row is the truth."
    return [Text(text), tables.energy(report), Points(report["energy"]["assumptions"])]


def _network(report: Report) -> list[Part]:
    net = report["network"]
    text = f"{net['neurons']:,} neurons and {net['inputs']:,} inputs, {net['synapses']:,} synapses (shared weights "
    text += f"counted wherever they stand), {net['parameters']:,} parameters; {net['weight_bytes']:,} bytes of weights, "
    return [Text(text + f"{net['state_bytes']:,} bytes of state."), Code(net["table"])]


def _origin(report: Report) -> list[Part]:
    versions = ", ".join(f"{name} {version}" for name, version in report["versions"].items() if version)
    host = ", ".join(f"{name} {value}" for name, value in report["host"].items())
    more = ("provenance", "verification")
    return [
        *(Text("To do it again:"), Code(report["command"], wrapped=True), Text(f"Encoder: {sentences.listed(report['encoder'])}.")),
        *(tables.files(report), Text(f"{versions}; {host}.")),
        *(Code(json.dumps(report[what], indent=2), f"{what} of the network") for what in more if report[what]),
    ]
