"""The tables of the page of an evaluation, made from report.json."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..plots.axis import around
from ..plots.chart import BLUE, GREY, ORANGE, PURPLE
from .parts import Bar, Cell, Raster, Table
from .sentences import chosen, compared
from .steps import MEASURED, baselines_before, head, lines, original, percent, scored

Report = Mapping[str, Any]
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
RUNNERS = {"event": "event network", "keras": "Keras, compiled function", "litert": "LiteRT, float32, one thread"}
"""What is timed, by its name in the report."""


def first(report: Report) -> Table:
    """The user's model, the same in float, in integers, and as events: what each gets right, and what it costs."""
    row, baselines = chosen(report), report["baselines"]
    rows = []
    if (model := original(report)) is not None:
        name = "Your Keras model" if model["keras"] else "Your model, as tfsnn reads it"
        rows.append([Cell(name, model["input"]), *_first(report, model, _ms(report, "keras", "litert"))])
    if baselines.get("float") is not None:
        rows.append([Cell("Float network", "frames as the encoder gives them"), *_first(report, baselines["float"], "-")])
    rows.append([Cell("Integer network", "the same frames, dense"), *_first(report, baselines["ann"], "-")])
    cost, dense = row["synaptic_operations"], baselines["ann"]["operations"]
    ratio = "as dense" if cost == dense else compared(cost, dense).removesuffix(" as").removesuffix(" than")
    withheld = {"chance": "at chance", "margin": "loses too much"}.get(row.get("withheld") or "")
    spent = [Cell(f"{cost:,.0f}", "synaptic"), _ms(report, "event"), withheld or ratio]
    rows.append([Cell("Event network", f"threshold {row['threshold']:g}"), _score(report, row), *spent])
    measure = MEASURED[report["measure"]]
    return Table("What it gets right, and what a frame costs", ["", measure, "operations", "ms (median)", "beside dense"], rows,
                 {len(rows) - 1: "chosen"})  # fmt: skip


def _first(report: Report, entry: Report, ms: str | Cell) -> list[str | Cell]:
    macs = Cell(f"{report['baselines']['ann']['operations']:,.0f}", "MACs")
    return [_score(report, entry), macs, ms, "-"]


def _score(report: Report, entry: Report) -> Cell:
    low, high = (100 * bound for bound in entry.get("accuracy_ci95") or (0, 0))
    return Cell(scored(report, entry), f"{low:.2f} to {high:.2f}" if report["measure"] == "accuracy" else "")


def _ms(report: Report, *runners: str) -> str | Cell:
    """Times of one or two runners; the second in small type."""
    found = (report.get("speed") or {"ms": {}})["ms"]
    said = [(name, found[name]["median"]) for name in runners if name in found]
    if not said:
        return "-"
    return Cell(f"{said[0][1]:.3g}", ", ".join(f"{RUNNERS[name].split(',')[0]} {ms:.3g}" for name, ms in said[1:]))


def steps(report: Report) -> Table:
    """A row for each step, and for each threshold."""
    marks = {baselines_before(report) + report["headline"]["row"]: "chosen"}
    return Table("Every step, at every threshold", head(report), lines(report), marks)


def outputs(report: Report) -> Table:
    """Every measure of every output."""
    entries = {"event network": chosen(report), "integer network": report["baselines"]["ann"]}
    entries |= {"the model": found} if (found := original(report)) is not None else {}
    rows = []
    for output in report.get("tasks", {}):
        for name, entry in entries.items():
            figures = entry.get("outputs", {output: entry})[output]
            rows += [[output, name, measure, value] for measure, value in _measures(figures)]
    return Table("Every measure of every output", ["output", "network", "measure", "value"], rows)


def _measures(figures: Report) -> Iterator[tuple[str, str]]:
    for measure, value in figures.items():
        if measure == "iou_per_class":
            yield from ((f"IoU of class {number}", percent(share)) for number, share in enumerate(value))
        elif measure in FIGURES and value is not None:
            yield FIGURES[measure], percent(value) if measure in ("accuracy", "iou", "pixel_accuracy") else f"{value:.4g}"


def speed(report: Report) -> Table:
    """Wall clock beside Keras and LiteRT."""
    rows = [[RUNNERS[name], *(f"{ms[key]:.3f}" for key in ("mean", "median", "p99"))] for name, ms in report["speed"]["ms"].items()]
    return Table("Milliseconds a frame", ["", "mean", "median", "99th percentile"], rows)


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


def dense(report: Report) -> Table:
    """What the network costs without events."""
    head_ = ["", MEASURED[report["measure"]], "multiply-accumulates a frame"]
    return Table("Without events", head_, baselines(report))


def quantized(report: Report) -> Table:
    """The quantized ANN at each threshold."""
    rows = [[f"{entry['threshold']:g}", scored(report, entry)] for entry in report["baselines"]["quantized"]]
    return Table("Quantized ANN", ["threshold", MEASURED[report["measure"]]], rows)


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


def coded_table(report: Report) -> Table:
    """The spiking baselines."""
    return Table("Spiking baselines", *coded(report))


def layers(report: Report) -> Table:
    """What each layer spends and sends, as bars."""
    at, found = report["headline"]["row"], report["layers"]
    most = max(1.0, *(max(layer["dense_macs"], layer["rows"][at]["synaptic_operations"]) for layer in found))
    loudest = max((layer["rows"][at]["spikes_per_neuron"] for layer in found), default=0) or 1.0
    worst = max((_error(layer) or 0.0 for layer in found), default=0) or 1.0
    rows = []
    for layer in found:
        row = layer["rows"][at]
        costs = ((GREY, layer["dense_macs"]), (ORANGE, layer["zero_skipping_macs"]), (BLUE, row["synaptic_operations"]))
        bars = tuple(Bar(colour, round(100 * cost / most, 2)) for colour, cost in costs)
        spikes = row["spikes_per_neuron"]
        shape = f"{'×'.join(map(str, layer['shape']))}"
        cells = [Cell(layer["name"], shape), Cell(f"{row['synaptic_operations']:,.0f}", f"of {layer['dense_macs']:,}", bars)]
        cells.append(Cell(f"{spikes:.3g}", bars=(Bar(BLUE, round(100 * spikes / loudest, 2)),)))
        error = _error(layer)
        bars = () if error is None else (Bar(PURPLE, round(100 * error / worst, 2)),)
        rows.append([*cells, Cell("-" if error is None else f"{100 * error:.3g} %", bars=bars)])
    names = ["layer", "operations", "spikes per neuron", "error"]
    return Table("Layer by layer", names, rows, style="layers")


def _error(layer: Report) -> float | None:
    """Share of the layer's own extent; reports of earlier versions have none."""
    found: float | None = (layer.get("error") or {}).get("share")
    return found


def spikes(report: Report) -> Table:
    """The spikes of a single frame, a row for each population."""
    found = report["frame"]
    times = [time for each in found["spikes"] for time in each["time"]] or [0.0]
    axis = around(times, margin=0.01)
    rows: list[list[str | Cell]] = []
    for each in found["spikes"]:
        paths = {1: "", -1: ""}
        for time, neuron, sign in zip(each["time"], each["neuron"], each["sign"]):
            paths[sign] += f"M{axis.at(time):g} {100 * (neuron + 0.5) / each['neurons']:.4g}h0"
        counts = [f"{each['sent'] - each['sent_negative']:,}", f"{each['sent_negative']:,}"]
        raster = Raster(((BLUE, paths[1]), (ORANGE, paths[-1])), f"{each['sent']:,} spikes of {each['name']} over the frame")
        rows.append([Cell(each["name"], f"{each['neurons']:,} neurons"), *counts, Cell("", raster=raster)])
    over = "in order of sending" if found["in_order"] else f"over time ({found['unit']})"
    return Table("Spikes of the first frame", ["population", "positive", "negative", f"each spike, {over}"], rows, style="raster")


def ledger(report: Report) -> Table:
    """Everything that is counted, by layer."""
    at, found, rows = report["headline"]["row"], report["layers"], []
    totals = {key: sum(layer["rows"][at][key] for layer in found) for key in LEDGER}
    keys = [key for key in LEDGER if totals[key] or key != "comparisons"]
    for layer in found:
        row = layer["rows"][at]
        threshold = "-" if row["real_threshold"] is None else f"{row['real_threshold']:.4g}"
        counts = [f"{row[key]:,.1f}" if 0 < row[key] < 100 else f"{row[key]:,.0f}" for key in keys]
        macs = [f"{layer['dense_macs']:,}", f"{layer['zero_skipping_macs']:,.0f}"]
        rows.append([layer["name"], f"{layer['neurons']:,}", threshold, *counts, *macs])
    sums = [totals[key] for key in keys]
    sums += [sum(layer[key] for layer in found) for key in ("dense_macs", "zero_skipping_macs")]
    rows.append(["all", f"{sum(layer['neurons'] for layer in found):,}", "-", *(f"{total:,.0f}" for total in sums)])
    names = ["layer", "neurons", "threshold T", *(LEDGER[key] for key in keys), "dense MACs", "zero-skipping MACs"]
    return Table("The ledger of a frame", names, rows, {len(found): "total"})


def neurobench(report: Report) -> Table:
    """NeuroBench's measures at each threshold."""
    names = list(report["rows"][0]["neurobench"])
    rows = [[f"{row['threshold']:g}", *(_bench(name, row["neurobench"][name]) for name in names)] for row in report["rows"]]
    return Table("NeuroBench's measures", ["threshold", *names], rows, {report["headline"]["row"]: "chosen"})


def _bench(name: str, value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.4f}" if name == "ActivationSparsity" else f"{value:,.0f}"


def energy(report: Report) -> Table:
    """Energy by preset."""
    rows = []
    for preset in report["energy"]["presets"]:
        spent = preset["rows"][report["headline"]["row"]]
        energies = [preset["ann"], preset["zero_skipping"], spent]
        claimed = spent and not chosen(report).get("withheld")
        ratios = [f"{other / spent:.2f}" if claimed else None for other in energies[:2]]
        even = preset["break_even"][report["headline"]["row"]] if "break_even" in preset else None
        spent_on = [f"{value / 1000:,.3g}" for value in energies]
        rows.append([preset["name"], *spent_on, *ratios, None if even is None else f"{even:.2f}"])
    names = ["assumption", "dense ANN, µJ", "zero-skipping ANN, µJ", "event-driven, µJ"]
    names += ["dense / event-driven", "zero-skipping / event-driven", "events win below, operations a MAC"]
    return Table("Energy of a frame", names, rows)


def files(report: Report) -> Table:
    """What went in, by its digest."""
    return Table("Inputs", ["input", "SHA-256"], list(report["inputs"].items()))
