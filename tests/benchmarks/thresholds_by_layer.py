"""Thresholds by layer for the person detector of :mod:`.bench_camera`, searched on the first frames of its video; writes thresholds.json.

    python -m tests.benchmarks.thresholds_by_layer --data-dir DIR --out thresholds.json [--first 700] [--start 0.015]

From one threshold for all layers on, layer by layer, a factor up and a factor down are tried, the first that lowers

    C / (that of the start) + weight (2 max(0, quality - share of the float original's decisions) + mean abs(output - the original's))

is kept, C being what a frame is estimated to take, from its counts. What it keeps on the frames behind them, which it has not seen, is
printed beside.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tests.benchmarks.bench_camera import person
from tfsnn import Stream
from tfsnn.aliases import Array
from tfsnn.artifact import Net
from tfsnn.compiled.kernel import columns as c
from tfsnn.network.nodes import Input

FACTORS = (1.6, 1.4, 1.25, 1.15)
"""One round over all layers each."""
LANE, PRODUCT, CHECK, OPERATION, EVENT, TAPS = 1.6, 0.02, 0.9, 0.06, 3.0, 9
"""Nanoseconds, about, of one core of an AMD EPYC (Zen 3): a neuron of a depthwise layer whose window is summed up and checked, a product of
another layer seen from its targets, a check elsewhere, an operation of an event, an event; and the taps of a window."""


class Outcome(NamedTuple):
    """Of a stretch of frames, without the first: shares, counts a frame.

    Parameters
    ----------
    same
        Decisions as the float original's.
    off
        Mean distance of outputs, behind softmax.
    operations
        Of the ledger.
    cost
        Estimated microseconds.
    """

    same: float
    off: float
    operations: float
    cost: float


def outcome(net: Net, frames: Array, wanted: Array, thresholds: Mapping[str, float] | float) -> Outcome:
    """A stream over frames."""
    stream, outputs = Stream(net, threshold=thresholds), []
    counts = np.zeros(stream._session.counts.shape)
    for number, frame in enumerate(frames):
        outputs.append(stream.step(frame))
        counts += stream._session.counts if number else 0
    counts /= len(frames) - 1
    depthwise = np.array([node.name.startswith("depthwise") for node in net.graph.nodes])
    found = np.exp(np.stack(outputs))
    found /= found.sum(axis=1, keepdims=True)
    same, off = np.mean(found.argmax(axis=1) == wanted.argmax(axis=1)), np.abs(found - wanted).mean()
    parts = (
        (LANE / TAPS, counts[c.DENSE, depthwise]), (PRODUCT, counts[c.DENSE, ~depthwise]), (CHECK, counts[c.CHECKS, ~depthwise]),
        (OPERATION, counts[c.OPERATIONS, ~depthwise]), (EVENT, counts[[c.POSITIVE, c.NEGATIVE]]),
    )  # fmt: skip
    cost = sum(each * count.sum() for each, count in parts) / 1e3
    return Outcome(float(same), float(off), float(counts[c.OPERATIONS].sum()), float(cost))


def search(net: Net, frames: Array, wanted: Array, start: float, weight: float, quality: float) -> dict[str, float]:
    """Thresholds by layer."""
    names = [node.name for node in net.graph.nodes if not isinstance(node, Input) and node.name not in net.graph.outputs]
    thresholds = dict.fromkeys(names, start)
    first = outcome(net, frames, wanted, thresholds)

    def score(found: Outcome) -> float:
        return found.cost / first.cost + weight * (2 * max(0.0, quality - found.same) + found.off)

    best = score(first)
    for factor in FACTORS:
        for name in names:
            for change in (factor, 1 / factor):
                tried = thresholds | {name: thresholds[name] * change}
                reached = score(outcome(net, frames, wanted, tried))
                if reached < best:
                    best, thresholds = reached, tried
                    break
    return thresholds


def main() -> None:
    """Search, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, required=True, help="folder that holds keras_models and video")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--first", type=int, default=700, help="frames to search on")
    parser.add_argument("--start", type=float, default=0.015)
    parser.add_argument("--weight", type=float, default=6.0)
    parser.add_argument("--quality", type=float, default=0.985)
    args = parser.parse_args()
    case = person(args.data_dir, None)
    wanted = case.model.predict(case.frames.astype(np.float32) / np.float32(255), verbose=0)
    thresholds = search(case.net, case.frames[: args.first], wanted[: args.first], args.start, args.weight, args.quality)
    for what, chosen in (("one for all", args.start), ("by layer", thresholds)):
        for where, part in (("searched", slice(args.first)), ("behind", slice(args.first, None)), ("all", slice(None))):
            found = outcome(case.net, case.frames[part], wanted[part], chosen)
            print(what, where, {name: round(value, 4) for name, value in found._asdict().items()}, flush=True)
    args.out.write_text(json.dumps(thresholds, indent=1) + "\n")


if __name__ == "__main__":
    main()
