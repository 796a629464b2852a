"""Makes the golden files of the current format versions: ``python -m tests.golden.make``.

It never replaces one that is there: a file stands for the version that wrote it. A change of format raises the version,
and a run of this script adds the file of that version beside the older ones, which must keep loading.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfsnn.artifact import FORMAT_VERSION, Net, save
from tfsnn.evaluate.report.content import FORMAT_VERSION as REPORT_VERSION
from tfsnn.input.encoder import Encoder
from tfsnn.input.events import Events
from tfsnn.network.graph import Graph
from tfsnn.network.nodes import Input, MaxPool, Neurons, Node, Synapse
from tfsnn.network.ops import (
    NO_PADDING,
    Activation,
    AveragePool,
    Conv,
    Dense,
    Linear,
    OneToOne,
    Pad,
    Padding,
    Permute,
    Relay,
    Reshape,
    Shape,
    Stretch,
    Upsample,
)
from tfsnn.plan.settings import SCHEDULES, SPIKES
from tfsnn.simulate import simulate
from tfsnn.stage.output import write_json

HERE = Path(__file__).resolve().parent
SAME: Padding = ((1, 1), (1, 1))
Source = tuple[str, tuple[Relay, ...], Linear, Shape]


def net() -> Net:
    """Every kind of node, relay and operation once, weights of both widths, scales of every shape.

    No activation but those that are exact on every processor, so that results can be pinned.
    """
    rng = np.random.default_rng(9)

    def neurons(name: str, shape: Shape, sources: list[Source], f: Activation, **more: Any) -> Neurons:
        synapses = []
        for number, (source, relays, op, weights) in enumerate(sources):
            weight = rng.integers(-99, 100, weights).astype(np.int16 if op == Dense(3) else np.int8)
            scale: NDArray[np.float32] = np.asarray(1 / 64 if number else np.full(shape[-1], 1 / 64), np.float32)
            synapses.append(Synapse(source, relays, op, weight, scale))
        bias = (rng.integers(-4, 5, shape[-1]) / 16).astype(np.float32)
        return Neurons(name, shape, tuple(synapses), bias, f, **more)

    nodes: tuple[Node, ...] = (
        Input("in", (4, 4, 2), Encoder("delay", scale=1 / 255, bins=4)),
        neurons("conv", (4, 4, 2), [("in", (), Conv(2, (3, 3), padding=SAME), (3, 3, 2, 2))], Activation("relu", top=6.0), scale=1.5),
        MaxPool("pool", (2, 2, 2), "conv", (2, 2), (2, 2), NO_PADDING, (Permute((1, 0, 2)),)),
        neurons(
            "deep/wise", (4, 4, 2),
            [
                ("pool", (Upsample((2, 2)),), Conv(2, (3, 3), padding=SAME, groups=2), (3, 3, 1, 2)),
                ("conv", (), OneToOne(), (2,)),
                ("pool", (Stretch((2, 2)), Pad(((0, 1), (0, 1), (0, 0)))), OneToOne(), (2,)),
            ],
            Activation("relu", slope=(0.25, 0.5)), threshold=2.0,
        ),
        neurons(
            "out", (3,), [("deep/wise", (AveragePool((2, 2), (2, 2)), Reshape((8,))), Dense(3), (8, 3))], Activation(), softmax=True
        ),
    )  # fmt: skip
    provenance = {"command": "convert", "inputs": {"model.h5": "0" * 64}}
    return Net(Graph(nodes, ("out",)), provenance, {"samples": 1, "layers": {"conv": {"worst": 0.5}}})


def expected(made: Net) -> dict[str, Any]:
    """What the network gives on one sample, under every schedule and kind of spikes: outputs and the ledger's sums."""
    found: dict[str, Any] = {}
    stream = Events([0, 0, 1, 1, 2, 3, 3], [0, 9, 31, 4, 9, 17, 22], [1, 1, 2, 1, -1, 3, 1], [0, 7], (4, 4, 2))
    for schedule in SCHEDULES:
        for spikes in SPIKES:
            result = simulate(made, stream, threshold=0.25, unit="absolute", schedule=schedule, spikes=spikes)
            ledger = {name: column[0].tolist() for name, column in vars(result.ledger).items()}
            found[f"{schedule} {spikes}"] = {"outputs": result.outputs[0].tolist(), "ledger": ledger}
    return found


def main() -> None:
    """Write what is not there yet."""
    from tests.evaluate_parts import evaluated

    artifact, report = HERE / f"net-{FORMAT_VERSION}.snn.h5", HERE / f"report-{REPORT_VERSION}.json"
    if not artifact.exists():
        save(net(), artifact)
        write_json(artifact.with_name(f"net-{FORMAT_VERSION}.json"), expected(net()))
    if not report.exists():
        content = json.loads(json.dumps(evaluated(thresholds=(0.1, 0.5))[2]))
        write_json(report, content | {"host": {}, "time": "2026-11-25T00:00:00+00:00"})


if __name__ == "__main__":
    main()
