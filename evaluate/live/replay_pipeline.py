"""A network on a recording of an event camera: replay, show, report."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from tfsnn.artifact import Net
from tfsnn.errors import InputError
from tfsnn.input.encoder import Dvs
from tfsnn.input.recording import Recording
from tfsnn.input.snapshots import Population
from tfsnn.stage.output import replacing
from tfsnn.stage.provenance import circumstances, command_line, provenance

from . import replay_page
from .decisions import Decision, decision
from .replay import Period, Replayed, Source, keep, replayed
from .run import KEPT, Options
from .show import WIDTH, drawing, line_file, sparkline

COLUMNS = ("period", "start_s", "stop_s", "ms", "read_ms", "camera_events", "input_events", "operations")


@dataclass(frozen=True)
class ReplayOptions(Options):
    """How a network is streamed on a recording.

    Parameters
    ----------
    periods
        Rows at most, a snapshot period each.
    """

    periods: int | None = None


def replay(net: Net, source: Source, options: ReplayOptions, *, out: Path | None, csv: Path | None, name: str) -> dict[str, Any]:
    """Replay a recording through a network and report.

    Parameters
    ----------
    net
        Its encoder is of kind ``dvs``.
    source, options
        On what, and how.
    out, csv
        The directory of the report and the table of periods; None for none.
    name
        What to call the network.

    Returns
    -------
    dict
        What stream.json holds.
    """
    read = decision(net.graph, options.decide)
    node = net.graph.inputs[0]
    encoder = node.encoder
    if not isinstance(encoder, Dvs):
        raise InputError(f"stream: {source.name} is a recording; the encoder of {name} is of kind {encoder.kind}: give a video")
    blocks = iter(source)
    head = next((block for block in blocks if len(block)), None)
    if head is None:
        raise InputError(f"{source.name}: holds no event{'; ' * bool(source.ended)}{source.ended}")
    _check_sensor(encoder, head, node.shape, source.name, name)
    population = Population(encoder, head.width, head.height, int(head.t[0]))
    live = options.stream(net)
    slower = None if options.pace is None else 1e6 / encoder.snapshot / options.pace if options.pace else 1.0
    rows = replayed(live, population, chain([head], blocks), encoder.snapshot, slower=slower, most=options.periods, live=source.live)
    outputs = len(live.outputs[:KEPT])
    title = f"{name} on {source.name}"
    with line_file(csv, [*COLUMNS, *(f"output_{i}" for i in range(outputs))]) as write:
        with drawing(title, f"threshold {options.threshold:g} {options.unit}, {options.spikes}") as draw:

            def watch(row: Period, kept: Replayed) -> None:
                write(_cells(row, outputs))
                draw(lambda: lines_of(row, kept))

            kept = keep(rows, read, watch)
    if not kept.rows:
        raise InputError(f"{source.name}: interrupted before the first {encoder.snapshot / 1000:g} ms were replayed")
    content: dict[str, Any] = {
        "format": replay_page.FORMAT,
        "format_version": replay_page.FORMAT_VERSION,
        "title": title,
        "command": command_line(),
        "versions": provenance("stream", None, {})["versions"],
        **circumstances(),
        "recording": {
            "name": source.name,
            "width": head.width,
            "height": head.height,
            "ended": source.ended,
            "found": f"mended or left out: {source.found.damage}" if source.found.damage and not source.ended else "",
        },
        "settings": {**asdict(options), "encoder": encoder.to_json()},
        "decision": read.kind,
        "summary": summary(net, kept, population, read),
        "series": {**kept.series, "outputs": kept.outputs if read.kind != "mask" else []},
    }
    if out is not None:
        with replacing(out, directory=True) as place:
            replay_page.write(content, place)
    return content


def summary(net: Net, kept: Replayed, population: Population, read: Decision) -> dict[str, Any]:
    """What the rows amount to.

    Parameters
    ----------
    net
        The network.
    kept
        The rows.
    population
        The leaky population behind them.
    read
        How outputs are read.
    """
    signal, received, operations = kept.stop / 1e6, kept.total("camera_events"), kept.total("operations")
    return {
        "periods": kept.rows,
        "ended": kept.ended,
        "signal_seconds": signal,
        "busy_seconds": kept.busy,
        "read_seconds": kept.total("read_ms") / 1e3,
        "camera_events": int(received),
        "input_events": int(kept.total("input_events")),
        "operations": int(operations),
        "camera_events_a_second": received / signal,
        "input_events_a_second": kept.total("input_events") / signal,
        "operations_a_second": operations / signal,
        "operations_an_event": operations / max(received, 1),
        "population": population.counts._asdict(),
        "events_a_second_sustained": received / kept.busy,
        "times_real_time": signal / kept.busy,
        "dense_macs": sum(net.graph.macs().values()),
        "decided": kept.shown,
        "settled_s": kept.settled / 1e6,
    }


def lines_of(row: Period, kept: Replayed) -> list[tuple[str, str]]:
    """What is shown of a row: a word, and the numbers."""
    seconds = (row.stop - row.start) / 1e6
    return [
        ("time", f"{row.stop / 1e6:.3f} s"),
        ("output", kept.decision.shown(row.outputs)),
        ("now", f"{row.camera_events / seconds:,.0f} events/s, {row.operations / seconds:,.0f} operations/s"),
        ("speed", f"{kept.total('camera_events') / kept.busy:,.0f} events/s replayed, {kept.stop / 1e6 / kept.busy:.3g} x real time"),
        ("", sparkline(kept.series["operations"][-WIDTH:])),
    ]


def _check_sensor(encoder: Dvs, head: Recording, shape: tuple[int, ...], recording: str, name: str) -> None:
    found = encoder.shape(head.width, head.height)
    if found != tuple(shape):
        raise InputError(
            f"{recording}: a sensor of {head.width}x{head.height} gives an input of {found}; that of {name} is {tuple(shape)}: "
            "give a recording of the camera that it was trained on, or say how much of the sensor is used with --size"
        )


def _cells(row: Period, outputs: int) -> list[object]:
    times = [f"{row.start / 1e6:.6f}", f"{row.stop / 1e6:.6f}", f"{1e3 * row.seconds:.4f}", f"{1e3 * row.read_seconds:.4f}"]
    return [row.number, *times, row.camera_events, row.events, row.operations, *(f"{value:.9g}" for value in row.outputs[:outputs])]
