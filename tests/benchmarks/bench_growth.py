"""How the time of a frame grows with the share of its pixels that change, beside LiteRT; writes growth.json and growth.png.

    python -m tests.benchmarks.bench_growth --data-dir DIR --out DIR [--case person] [--threshold 0.0075]

A still frame and the same frame with some of its pixels from another one, far away in the video, are shown in turn: pixels of a
rectangle, as where something moves, or scattered, as noise. Another place is drawn for each pair. LiteRT runs the float32 form on one
thread after each step, so that both find the other's data in the caches. Milliseconds are medians.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from tests.benchmarks.bench_camera import Case, LiteRT, person, road
from tfsnn.aliases import Array

SHARES = (0.0, 0.001, 0.003, 0.01, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0)
KINDS = ("rectangle", "scattered")


def chosen(kind: str, share: float, shape: Sequence[int], rng: np.random.Generator) -> Array:
    """bool (rows, columns): the pixels that change.

    Parameters
    ----------
    kind, share
        One of KINDS; of all pixels.
    shape, rng
        Of the frame; what draws.
    """
    high, wide = shape[:2]
    mask = np.zeros((high, wide), bool)
    if kind == "scattered":
        mask.reshape(-1)[rng.choice(mask.size, round(share * mask.size), replace=False)] = True
        return mask
    sides = [min(size, round(size * share**0.5)) for size in (high, wide)]
    top, left = (int(rng.integers(0, size - side + 1)) for size, side in zip((high, wide), sides))
    mask[top : top + sides[0], left : left + sides[1]] = True
    return mask


def measured(case: Case, beside: LiteRT, threshold: float, kind: str, share: float, pairs: int) -> dict[str, Any]:
    """One share.

    Parameters
    ----------
    case, beside, threshold
        What to run.
    kind, share, pairs
        What changes, and how often.
    """
    from tfsnn import Stream

    stream, rng = Stream(case.net, threshold=threshold), np.random.default_rng(0)
    still, other = case.frames[0], case.frames[len(case.frames) // 2]
    ours, theirs, operations = [], [], []
    stream.step(still)
    for _ in range(pairs):
        for frame in (np.where(chosen(kind, share, still.shape, rng)[..., None], other, still), still):
            start = perf_counter()
            stream.step(frame)
            middle = perf_counter()
            beside.invoke(frame[None].astype(np.float32) / np.float32(255))
            ours.append(1e3 * (middle - start))
            theirs.append(1e3 * (perf_counter() - middle))
            operations.append(int(stream.ledger.synaptic_operations.sum()))
    return {
        "kind": kind, "share": share, "milliseconds": float(np.median(ours)), "litert": float(np.median(theirs)),
        "operations": float(np.mean(operations)),
    }  # fmt: skip


def break_even(rows: list[dict[str, Any]]) -> float | None:
    """The share from which on the event network takes longer; None if the measured ones show no such change."""
    for before, after in zip(rows, rows[1:]):
        if before["milliseconds"] <= before["litert"] and after["milliseconds"] > after["litert"]:
            gaps = [row["litert"] - row["milliseconds"] for row in (before, after)]
            return float(before["share"] + (after["share"] - before["share"]) * gaps[0] / (gaps[0] - gaps[1]))
    return None


def picture(report: dict[str, Any], path: Path) -> None:
    """Milliseconds against the share."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    for kind in KINDS:
        rows = [row for row in report["rows"] if row["kind"] == kind]
        line = axes.plot([100 * row["share"] for row in rows], [row["milliseconds"] for row in rows], "o-", label=f"tfsnn, {kind}")[0]
        if report["break_even"][kind] is not None:
            axes.axvline(100 * report["break_even"][kind], color=line.get_color(), linestyle=":")
    beside = float(np.median([row["litert"] for row in report["rows"]]))
    axes.axhline(beside, color="black", linestyle="--", label="LiteRT float32, 1 thread")
    axes.set(xlabel="pixels that change, %", ylabel="ms a frame", xlim=(0, 100), ylim=(0, None), title=report["title"])
    axes.legend()
    figure.savefig(path, dpi=120)


def main() -> None:
    """Measure, print, write, draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, required=True, help="folder that holds keras_models, picar and video")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--case", choices=["person", "road"], default="person")
    parser.add_argument("--threshold", type=float, default=0.0075)
    parser.add_argument("--pairs", type=int, default=100)
    args = parser.parse_args()
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    case = {"person": person, "road": road}[args.case](args.data_dir, None)
    beside, rows = LiteRT(case.model), []
    for kind in KINDS:
        for share in SHARES:
            rows.append(measured(case, beside, args.threshold, kind, share, args.pairs))
            print(json.dumps(rows[-1]), flush=True)
    report = {"case": args.case, "threshold": args.threshold, "title": f"{args.case}, T = {args.threshold:g}", "rows": rows}
    report["break_even"] = {kind: break_even([row for row in rows if row["kind"] == kind]) for kind in KINDS}
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "growth.json").write_text(json.dumps(report, indent=1) + "\n")
    picture(report, args.out / "growth.png")
    print(f"as long as LiteRT at {report['break_even']}")


if __name__ == "__main__":
    main()
