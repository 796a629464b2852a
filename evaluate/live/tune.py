"""The threshold that keeps a share of the decisions: the largest one that does, on the first frames."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tfsnn.aliases import Array
from tfsnn.errors import InputError
from tfsnn.stream import Stream

from ..baselines.reference import Reference
from .decisions import Decision
from .judged import quality as quality_of
from .run import fidelity, record, rows

LADDER = (0.005, 0.007, 0.01, 0.014, 0.02, 0.028, 0.04, 0.056, 0.08, 0.11, 0.16, 0.22, 0.32, 0.45, 0.64)
"""The relative thresholds that are tried, each about the square root of 2 times the one before."""


def tuned(
    made: Callable[[float], Stream], frames: Sequence[Array], decision: Decision, reference: Reference, quality: float
) -> tuple[float, float]:
    """The largest threshold of :data:`LADDER` up to which quality holds, and the quality there.

    Parameters
    ----------
    made
        A stream at a threshold.
    frames
        Raw; they should not be those that results are reported on.
    decision
        How outputs are read.
    reference
        What they are compared with.
    quality
        Share of decisions that must be the same; of values: 1 - rms error / range.

    Raises
    ------
    InputError
        If the smallest threshold does not hold it, or if the frames all show the same class: any threshold keeps that.
    """
    _check_variety(made(LADDER[0]), frames, decision, reference)
    best: tuple[float, float] | None = None
    for threshold in LADDER:
        found = kept_quality(made(threshold), frames, decision, reference)
        # A reference that stays the same gives no range to measure an error by, and no quality: NaN.
        if not found >= quality:
            break
        best = threshold, found
    if best is None:
        raise InputError(
            f"--quality {quality:g}: the least threshold, {LADDER[0]:g}, keeps {found:.4g} on the first {len(frames)} frames; "
            "ask for less, or set --threshold"
        )
    return best


def _check_variety(stream: Stream, frames: Sequence[Array], decision: Decision, reference: Reference) -> None:
    encoder = stream.plan.graph.inputs[0].encoder
    seen = {int(decision.decided(reference(encoder.frames(frame[None])))[0]) for frame in frames[1:] if decision.kind == "classes"}
    if len(seen) == 1:
        raise InputError(
            f"--quality: the first {len(frames)} frames all show class {seen.pop()}, which any threshold would keep; "
            "give more frames with --first, compare the outputs themselves with --decide values, or set --threshold"
        )


def kept_quality(stream: Stream, frames: Sequence[Array], decision: Decision, reference: Reference) -> float:
    """The quality of a stream on some frames, the first one left out."""
    found = fidelity(record(rows(stream, frames, reference=reference), decision, lambda row, kept: None))
    if found is None:
        raise InputError(f"--quality: {len(frames)} frames to search on; give more with --first")
    return quality_of(found)
