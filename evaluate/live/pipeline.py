"""A network on a video: choose a threshold if asked to, stream, compare, report."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from tfsnn.aliases import PathLike
from tfsnn.artifact import Net
from tfsnn.errors import FileError, InputError
from tfsnn.input.video import Video
from tfsnn.network.nodes import Neurons
from tfsnn.stage.output import replacing
from tfsnn.stage.provenance import circumstances, command_line, provenance

from ..baselines.reference import reference
from . import page
from .annotate import annotated
from .decisions import decision
from .run import KEPT, Options, Record, record, rows, summary
from .show import screen, table_file
from .tune import tuned


@dataclass(frozen=True)
class VideoOptions(Options):
    """How a network is streamed on a video.

    Parameters
    ----------
    quality
        Choose the threshold by this share of decisions on the first ``skip`` frames; None: take ``threshold``.
    skip
        First frames that are not reported.
    frames
        Frames to report at most.
    """

    quality: float | None = None
    skip: int = 0
    frames: int | None = None


def stream(
    net: Net, video: Video, options: VideoOptions, *, model: PathLike | None, out: Path | None, csv: Path | None, name: str,
    annotate: Path | None = None,
) -> dict[str, Any]:
    """Stream a video through a network and report.

    Parameters
    ----------
    net, video, options
        What, on what, and how.
    model
        The Keras model to compare with; None: the network's own dense pass.
    out, csv
        The directory of the report and the table of frames; None for none.
    name
        What to call the network.
    annotate
        The video of the frames with their rows drawn on them; None for none.

    Returns
    -------
    dict
        What stream.json holds.
    """
    read = decision(net.graph, options.decide)
    beside, note = reference(net.graph, model)
    frames = iter(video)
    first = list(islice(frames, options.skip))
    if options.skip and len(first) < options.skip:
        raise InputError(f"{video.name}: has {len(first)} frames, and {options.skip} are to choose on; give fewer with --first")
    notes = [note] if note else []
    notes += [f"the first {len(first)} frames were calibrated or chosen on; they are not reported"] if first else []

    threshold = options.threshold
    if options.quality is not None:
        threshold, found = tuned(partial(options.stream, net), first, read, beside, options.quality)
        chosen = f"threshold {threshold:g}, chosen on the first {len(first)} frames"
        notes.append(f"{chosen}: the largest that keeps {options.quality:g} ({found:.4g})")
    rate = (options.pace or video.rate) if options.pace is not None else None
    if options.pace is not None and rate is None:
        raise InputError(f"--pace: {video.name} does not say how many frames it has a second; give them: --pace 30")
    count = None if video.count is None else max(0, video.count - len(first))
    count = options.frames if count is None else min(count, options.frames or count)
    live, dense = options.stream(net, threshold), sum(net.graph.macs().values())
    kept, whole = Record(read), annotate is not None
    try:
        with table_file(csv, min(KEPT, len(live.outputs))) as write, annotated(annotate, video, read, dense, rate or video.rate) as draw:
            fact = f"threshold {threshold:g} {options.unit}, {options.spikes}"
            with screen(f"{name} on {video.name}", count, read, dense, fact) as watch:
                found_rows = rows(live, frames, reference=beside, rate=rate, most=options.frames)
                kept = record(found_rows, read, lambda row, record: (write(row), draw(row), watch(row, record)))
            if not kept.rows:
                raise InputError(f"{video.name}: no frame is left to report behind the first {len(first)}; give fewer with --first")
    except FileError as error:
        if not kept.rows:
            raise
        # A video that could not be finished is no reason to lose the report.
        whole, kept.ended = False, kept.ended or f"error: {error}"
    series: dict[str, Any] = {**kept.series, "outputs": kept.outputs if read.kind != "mask" else []}
    series |= {"reference_frames": [number for number, _, _ in kept.compared]}
    series |= {"reference": [values for _, _, values in kept.compared] if read.kind == "values" else []}
    content = {
        "format": page.FORMAT,
        "format_version": page.FORMAT_VERSION,
        "title": f"{name} on {video.name}",
        "command": command_line(),
        "versions": provenance("stream", None, {})["versions"],
        **circumstances(),
        "video": {"name": video.name, "rate": video.rate, "ended": video.ended, "framing": video.framing.to_json()},
        "settings": {
            **asdict(options),
            "threshold": threshold,
            "factors": {node.name: node.threshold for node in net.graph if isinstance(node, Neurons) and node.threshold != 1},
            "encoder": net.graph.inputs[0].encoder.to_json(),
        },
        "annotated": annotate.name if annotate is not None and whole else None,
        "decision": read.kind,
        "reference": beside.name,
        "notes": notes,
        "fps": kept.rows / max(sum(kept.series["ms"] + kept.series["read_ms"]) / 1e3, 1e-9),
        "summary": summary(net, kept),
        "series": series,
    }
    if out is not None:
        with replacing(out, directory=True) as place:
            page.write(content, place)
    return content
