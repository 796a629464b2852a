"""Tables beside the papers' own values, as Markdown, CSV and JSON: every number is read from what a command wrote."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tfsnn import artifact
from tfsnn.stage.output import write_json

from ..measure.sizes import state_bytes, weight_bytes
from .published import MEMORY, Published
from .steps import read_json

QUOTED, PAIRED = "quoted", "paired_with_ann"
Report = dict[str, Any]


@dataclass(frozen=True)
class Table:
    """A table to be written.

    Parameters
    ----------
    name, title
        Of its files, and above it.
    head, rows
        Text.
    records
        The same as plain numbers, for JSON.
    notes
        Sentences below it.
    commands
        What gives it, in turn, typed at the top of the reproduction.
    """

    name: str
    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    records: Sequence[Mapping[str, Any]]
    notes: Sequence[str] = ()
    commands: Sequence[str] = field(default=())

    @property
    def files(self) -> tuple[str, str, str]:
        """Their names."""
        return files_of(self.name)

    def write(self, place: Path) -> None:
        """Write all three into a folder."""
        markdown, plain, numbers = (place / name for name in self.files)
        markdown.write_text(self.markdown(), encoding="utf-8")
        with open(plain, "w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([self.head, *self.rows])
        content = {"title": self.title, "rows": list(self.records), "notes": list(self.notes), "commands": list(self.commands)}
        write_json(numbers, content)

    def markdown(self) -> str:
        """The table between its title and its notes."""
        lines = [f"## {self.title}", ""]
        for at, row in enumerate([self.head, *self.rows]):
            lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |")
            if at == 0:
                lines.append("|" + "---|" * len(self.head))
        lines += ["", *(f"- {note}" for note in self.notes), ""] if self.notes else [""]
        if self.commands:
            lines += ["Commands, at the top of the reproduction:", "", *(f"    {command}" for command in self.commands), ""]
        return "\n".join(lines)


def files_of(name: str) -> tuple[str, str, str]:
    """What a table of that name is written as."""
    return f"{name}.md", f"{name}.csv", f"{name}.json"


def percent(value: float | None) -> str:
    """From 0 to 1; a dash where there is none."""
    return "-" if value is None else f"{100 * value:.2f} %"


def printed(value: float | None) -> str:
    """A paper's percent."""
    return "-" if value is None else f"{value:g} %"


def over(values: Sequence[float], show: Callable[[float], str]) -> str:
    """A value, or of several seeds their mean and range."""
    mean = show(sum(values) / len(values))
    return mean if len(values) == 1 else f"{mean} ({show(min(values))} to {show(max(values))}, {len(values)} seeds)"


def mnist(name: str, title: str, rows: Sequence[Published], reports: Sequence[Report], few: Sequence[Report], notes: Sequence[str],
          commands: Sequence[str]) -> Table:
    """Table I of either paper.

    Parameters
    ----------
    name, title
        Of the table.
    rows
        The paper's.
    reports
        Of ``tfsnn evaluate`` in the papers' settings, one for each seed.
    few
        Of the network that was trained for few events, likewise; may be empty.
    notes, commands
        Below it.
    """
    head = ["row", "network", "source", "paper: ANN", "paper: Q-ANN", "paper: SNN", "paper: spikes/neuron"]
    head += ["data", "ANN (int8)", "Q-ANN", "SNN", "95 % interval", "only SNN / only ANN right, p", "spikes/neuron", "operations", "note"]
    lines: list[list[str]] = []
    records: list[dict[str, Any]] = []
    for row in rows:
        found = [measured(report, row.beside) for report in reports] if row.beside is not None else []
        said = [row.model, row.network or "-", row.source, printed(row.ann), printed(row.quantized), printed(row.snn)]
        said.append("-" if row.spikes is None else f"{row.spikes:g}")
        lines.append([*said, *_cells(found, reports), row.note if found else ""])
        records.append({"paper": _plain(row), "measured": found or QUOTED})
    if few:
        found = [chosen(report) for report in few]
        said = ["one bin, valued spikes, trained for few events", "2xConv-2xFC", "tfsnn, no row of the paper", "-", "-", "-", "-"]
        lines.append([*said, *_cells(found, few), f"T = {found[0]['threshold']:g} relative, chosen on {few[0]['selection']['on']} frames"])
        records.append({"paper": None, "measured": found})
    for report in reports[:1]:
        lines.append(_skipping(report))
    return Table(name, title, head, lines, records, notes, commands)


def measured(report: Report, beside: float | str | None) -> dict[str, Any]:
    """What a report holds of a threshold, or of a spiking baseline."""
    baselines = report["baselines"]
    if isinstance(beside, str):
        name, *steps = beside.split(":")
        entry = next(e for e in baselines["coded"] if e["name"] == name and (not steps or e["duration"] == float(steps[0])))
        return {"ann": baselines["ann"]["accuracy"], **entry, "quantized": None, "paired_with_ann": None}
    entry = next(row for row in report["rows"] if row["threshold"] == beside)
    return _of_row(report, entry)


def chosen(report: Report) -> dict[str, Any]:
    """What a report speaks of."""
    return _of_row(report, report["rows"][report["headline"]["row"]])


def _of_row(report: Report, row: Mapping[str, Any]) -> dict[str, Any]:
    quantized = next(e["accuracy"] for e in report["baselines"]["quantized"] if e["threshold"] == row["threshold"])
    kept = ("threshold", "unit", "spikes", "schedule", "accuracy", "accuracy_ci95", "spikes_per_neuron", "synaptic_operations", PAIRED)
    return {"ann": report["baselines"]["ann"]["accuracy"], "quantized": quantized} | {name: row[name] for name in kept}


def _cells(found: Sequence[Mapping[str, Any]], reports: Sequence[Report]) -> list[str]:
    """From the data to the operations."""
    if not found:
        return [QUOTED] * 8
    first, dataset = found[0], reports[0]["dataset"]
    quantized = [entry["quantized"] for entry in found if entry["quantized"] is not None]
    pair = first["paired_with_ann"]
    return [
        f"{dataset['name']}, {dataset['samples']:,} of {dataset['available']:,} test images",
        over([entry["ann"] for entry in found], percent),
        over(quantized, percent) if quantized else "-",
        over([entry["accuracy"] for entry in found], percent),
        " to ".join(percent(bound) for bound in first["accuracy_ci95"]) + (" (seed 0)" if len(found) > 1 else ""),
        "-" if pair is None else f"{pair['only_first']} / {pair['only_second']}, p = {pair['p']:.2g}",
        over([entry["spikes_per_neuron"] for entry in found], lambda value: f"{value:.3f}"),
        over([entry["synaptic_operations"] for entry in found], lambda value: f"{value:,.0f}")
        + (f" and {first['input_macs']:,} MACs of the analog input" if first.get("input_macs") else ""),
    ]


def _skipping(report: Report) -> list[str]:
    ann, skipping, dataset = report["baselines"]["ann"], report["baselines"]["zero_skipping"], report["dataset"]
    data = f"{dataset['name']}, {dataset['samples']:,} of {dataset['available']:,} test images"
    interval = " to ".join(percent(bound) for bound in ann["accuracy_ci95"])
    said = ["int8 ANN without events, zeros skipped", "2xConv-2xFC", "tfsnn, no row of the paper", "-", "-", "-", "-", data]
    counts = [f"{skipping['operations']:,.0f} MACs", f"dense: {ann['operations']:,}"]
    return [*said, percent(ann["accuracy"]), "-", "-", interval, "-", "-", *counts]


def _plain(row: Published) -> dict[str, Any]:
    return {name: value for name, value in vars(row).items() if value not in (None, "")}


def gestures(rows: Sequence[Published], windows: Report, generated: str, notes: Sequence[str], commands: Sequence[str]) -> Table:
    """JETCAS Table II.

    Parameters
    ----------
    rows
        The paper's.
    windows
        windows.json.
    generated
        What the data are, if not the paper's.
    notes, commands
        Below it.
    """
    head = ["row", "network", "source", "paper: ANN", "paper: SNN", "paper: window", "paper: neurons", "paper: parameters"]
    head += ["data", "ANN on snapshots", "SNN", "95 % interval over recordings", "window", "operations a second", "neurons", "parameters"]
    frames, network, dataset = windows["frame_based"], windows["network"], windows["dataset"]
    lines, records = [], []
    for row in rows:
        said = [row.model, row.network, row.source, printed(row.ann), printed(row.snn), f"{row.window_ms:g} ms", row.neurons or "-"]
        said.append(row.parameters or "-")
        found = [e for e in windows["rows"] if e["threshold"] == row.beside and e["window_ms"] in (row.window_ms, None)]
        # Where the data has no window as long as the paper's, a whole recording stands for it.
        entry = min(found, key=lambda e: e["window_ms"] is None) if found else None
        lines.append([*said, *([QUOTED] * 8 if entry is None else [
            f"{generated or dataset['name']}, {dataset['recordings']} recordings",
            percent(frames["value"]),
            percent(entry["accuracy"]),
            " to ".join(percent(bound) for bound in entry["accuracy_ci95_recordings"]),
            "whole" if entry["window_ms"] is None else f"{entry['window_ms']:g} ms",
            f"{entry['operations_a_second'] / 1e6:,.1f} M",
            f"{network['neurons']:,}",
            f"{network['parameters']:,}",
        ])])
        records.append({"paper": _plain(row), "measured": entry or QUOTED})
    return Table("table2", "JETCAS Table II: hand gestures", head, lines, records, notes, commands)


def memory(nets: Mapping[str, Path], same: Mapping[str, bool], commands: Sequence[str]) -> Table:
    """JETCAS section IV: state and weights.

    Parameters
    ----------
    nets
        Networks by the name that :data:`.published.MEMORY` gives them.
    same
        Whether each is the paper's own network.
    commands
        Below it.
    """
    head = ["network", "paper: neurons", "paper: state", "paper: weights", "measured on", "neurons", "inputs"]
    head += ["one word a neuron, inputs included", "state (x and o of 32 bits)", "weights, scales and biases"]
    lines, records = [], []
    for name, path in nets.items():
        graph, row = artifact.load(path).graph, MEMORY[name]
        inputs = sum(_size(node.shape) for node in graph.inputs)
        found = {
            "neurons": graph.neurons,
            "inputs": inputs,
            "one_word": 4 * (graph.neurons + inputs),
            "state_bytes": state_bytes(graph),
            "weight_bytes": weight_bytes(graph),
        }
        what = "the paper's network" if same[name] else "a smaller network of the same kind"
        lines.append([row.network, f"{row.neurons:,}", f"{row.state:,} B", f"{row.weights:,} B", what, f"{graph.neurons:,}", f"{inputs:,}"]
                     + [f"{found[key]:,} B" for key in ("one_word", "state_bytes", "weight_bytes")])
        records.append({"paper": vars(row), "measured": found, "same_network": same[name]})
    notes = (
        "The papers count one word of 32 bits for each neuron, those of the input included. A neuron with hysteresis needs two: x, and "
        "what it has sent (x_LFT in Algorithm 2 of JETCAS); inputs need none here, for their events come from outside.",
        "Weights are whole numbers of 8 bits; a float32 scale for each output channel and float32 biases are counted with them.",
    )
    return Table("memory", "JETCAS section IV: state and weight memory", head, lines, records, notes, commands)


def _size(shape: Sequence[int]) -> int:
    total = 1
    for side in shape:
        total *= side
    return total


def load(folder: Path, names: Sequence[str]) -> list[Report]:
    """Reports by their paths from the top of the reproduction."""
    return [read_json(folder / name) for name in names]
