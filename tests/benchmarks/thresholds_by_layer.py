"""Thresholds by layer for the person detector of :mod:`.bench_camera`, searched on the first frames of its video; writes thresholds.json.

    python -m tests.benchmarks.thresholds_by_layer --data-dir DIR --out thresholds.json [--first 700]

From one threshold for all layers on, layer by layer, a factor up and a factor down are tried, the first that lowers

    (C + S / 10) / (that of the start) + weight (share of other decisions + mean abs(output - the float original's))

is kept, C and S being checks and synaptic operations a frame: a check takes about ten times as long as a sum. What it keeps on the frames
behind them, which it has not seen, is printed beside.
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
from tfsnn.network.nodes import Input

FACTORS = (1.6, 1.45, 1.34, 1.25)
"""One round over all layers each."""


class Outcome(NamedTuple):
    """Of a stretch of frames, without the first: shares, counts a frame.

    Parameters
    ----------
    same
        Decisions as the float original's.
    off
        Mean distance of outputs, behind softmax.
    operations, checks
        Of the ledger.
    """

    same: float
    off: float
    operations: float
    checks: float

    @property
    def cost(self) -> float:
        """In checks."""
        return self.checks + self.operations / 10


def outcome(net: Net, frames: Array, wanted: Array, thresholds: Mapping[str, float] | float) -> Outcome:
    """A stream over frames."""
    stream, outputs = Stream(net, threshold=thresholds), []
    operations, checks = np.zeros(len(frames)), np.zeros(len(frames))
    for number, frame in enumerate(frames):
        outputs.append(stream.step(frame))
        operations[number], checks[number] = stream.ledger.synaptic_operations.sum(), stream.ledger.checks.sum()
    found = np.exp(np.stack(outputs))
    found /= found.sum(axis=1, keepdims=True)
    same, off = np.mean(found.argmax(axis=1) == wanted.argmax(axis=1)), np.abs(found - wanted).mean()
    return Outcome(float(same), float(off), float(operations[1:].mean()), float(checks[1:].mean()))


def search(net: Net, frames: Array, wanted: Array, start: float, weight: float) -> dict[str, float]:
    """Thresholds by layer."""
    names = [node.name for node in net.graph.nodes if not isinstance(node, Input) and node.name not in net.graph.outputs]
    thresholds = dict.fromkeys(names, start)
    first = outcome(net, frames, wanted, thresholds)

    def score(found: Outcome) -> float:
        return found.cost / first.cost + weight * (1 - found.same + found.off)

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
    parser.add_argument("--start", type=float, default=0.013)
    parser.add_argument("--weight", type=float, default=5.0)
    args = parser.parse_args()
    case = person(args.data_dir, None)
    wanted = case.model.predict(case.frames.astype(np.float32) / np.float32(255), verbose=0)
    thresholds = search(case.net, case.frames[: args.first], wanted[: args.first], args.start, args.weight)
    for what, chosen in (("one for all", args.start), ("by layer", thresholds)):
        for where, part in (("searched", slice(args.first)), ("behind", slice(args.first, None)), ("all", slice(None))):
            found = outcome(case.net, case.frames[part], wanted[part], chosen)
            print(what, where, {name: round(value, 4) for name, value in (found._asdict() | {"cost": found.cost}).items()}, flush=True)
    args.out.write_text(json.dumps(thresholds, indent=1) + "\n")


if __name__ == "__main__":
    main()
