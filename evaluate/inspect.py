"""``tfsnn inspect NET.snn.h5``: what a network is, where it comes from, how it was verified. Needs no TensorFlow."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

from tfsnn import artifact
from tfsnn.artifact import Net
from tfsnn.errors import printable
from tfsnn.network.nodes import Neurons, Node
from tfsnn.stage.terminal import table

from .measure import sizes
from .measure.papers import papers_macs


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``tfsnn inspect``."""
    parser.add_argument("net", type=Path, metavar="NET.snn.h5", help="what tfsnn convert wrote")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """``tfsnn inspect``."""
    net = artifact.load(args.net)
    what = describe(net) | {"file": {"name": args.net.name, "bytes": args.net.stat().st_size}}
    print(json.dumps(what, indent=2, ensure_ascii=False) if args.json else readable(net, what))
    return 0


def describe(net: Net) -> dict[str, Any]:
    """What a network is, as plain values."""
    graph = net.graph
    inside, borders = graph.macs(), graph.macs(borders=True)
    return {
        "inputs": [
            {"name": node.name, "shape": list(node.shape), "encoder": node.encoder.to_json()} for node in graph.inputs
        ],
        "outputs": list(graph.outputs),
        "populations": [_population(node, inside, borders) for node in graph.nodes],
        "sizes": {
            "neurons": graph.neurons,
            "inputs": sum(prod(node.shape) for node in graph.inputs),
            "parameters": graph.parameters,
            "dense_macs": sum(inside.values()),
            "dense_macs_with_borders": sum(borders.values()),
            "dense_macs_as_in_aicas_2019": papers_macs(graph),
            "weight_bytes": sizes.weight_bytes(graph),
            "state_bytes": sizes.state_bytes(graph),
        },
        "provenance": net.provenance,
        "verification": net.verification,
    }


def readable(net: Net, what: Mapping[str, Any]) -> str:
    """The same for people.

    Parameters
    ----------
    net
        The network.
    what
        :func:`describe` of it, and of its file.
    """
    sizes, counted = what["sizes"], what["sizes"]["dense_macs_as_in_aicas_2019"]
    macs = f"{sizes['dense_macs_with_borders']:,} MACs a frame with border taps counted"
    stored = f"{what['file']['bytes']:,} bytes of file, {sizes['weight_bytes']:,} of weights"
    parts = [
        str(net.graph),
        *(f"input {printable(node['name'])}: " + _settings(node["encoder"]) for node in what["inputs"]),
        f"{macs}, {counted:,} as counted in AICAS 2019" if counted else macs,
        f"{stored}, {sizes['state_bytes']:,} of state a sample (in int32)",
    ]
    if what["provenance"]:
        parts.append("provenance\n" + _lines(what["provenance"]))
    return "\n\n".join([*parts, *_verification(what["verification"])])


def _population(node: Node, inside: Mapping[str, int], borders: Mapping[str, int]) -> dict[str, Any]:
    found: dict[str, Any] = {"name": node.name, "shape": list(node.shape), "neurons": prod(node.shape), "kind": node.label}
    if not node.external:
        found["hears"] = [synapse.source for synapse in node.synapses] or list(node.sources)
    if not isinstance(node, Neurons):
        return found
    return found | {
        "operations": [type(synapse.op).__name__ for synapse in node.synapses],
        "weights": [synapse.weight.dtype.name for synapse in node.synapses],
        "activation": node.activation.kind,
        "scale": node.scale,
        "threshold": node.threshold,
        "dense_macs": inside[node.name],
        "dense_macs_with_borders": borders[node.name],
    }


def _verification(found: Mapping[str, Any]) -> list[str]:
    """Verification: worst differences by layer as a table, whatever else there is as lines."""
    if not found:
        return []
    layers = found.get("layers")
    parts = ["verification\n" + _lines({key: value for key, value in found.items() if key != "layers"})]
    if isinstance(layers, Mapping) and all(isinstance(layer, Mapping) for layer in layers.values()):
        columns = list(dict.fromkeys(key for layer in layers.values() for key in layer))
        parts.append(
            table(
                ["layer", *columns],
                [[name, *(_short(layer.get(key)) for key in columns)] for name, layer in layers.items()],
            )
        )
    return parts


def _lines(content: Mapping[str, Any], indent: str = "  ") -> str:
    """Nested values, one a line."""
    lines = []
    for key, value in content.items():
        if isinstance(value, Mapping) and value:
            lines += [f"{indent}{printable(str(key))}", _lines(value, indent + "  ")]
        else:
            lines.append(f"{indent}{printable(str(key))}: {_short(value)}")
    return "\n".join(lines)


def _settings(encoder: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {_short(value)}" for key, value in encoder.items())


def _short(value: Any) -> str:
    return "-" if value is None else f"{value:.4g}" if isinstance(value, float) else printable(str(value))
