"""A node as a row of the table that ``print(graph)`` shows."""

from __future__ import annotations

from tfsnn.network.nodes import Input, MaxPool, Node, sources
from tfsnn.network.ops import Conv, Linear


def row(node: Node, macs: int, is_output: bool) -> tuple[str, ...]:
    shape = "x".join(map(str, node.shape))
    if isinstance(node, Input):
        return node.name, f"input, {node.encoder.kind}", shape, "", "", "", ""
    if isinstance(node, MaxPool):
        return node.name, f"max pooling {node.window[0]}x{node.window[1]}", shape, node.source, "", "", ""
    what = " + ".join(describe(synapse.op) for synapse in node.synapses) or "constant"
    after = "softmax" if node.softmax else node.activation.kind
    what += ("" if after == "linear" else f", {after}") + (", output" if is_output else "")
    count = node.bias.size + sum(synapse.weight.size for synapse in node.synapses)
    return node.name, what, shape, ", ".join(sources(node)), f"{count:,}", f"{macs:,}", f"{node.scale:.4g}"


def describe(op: Linear) -> str:
    if not isinstance(op, Conv):
        return {"Dense": "dense", "OneToOne": "skip"}[type(op).__name__]
    kind = "conv" if op.groups == 1 else "depthwise conv" if op.groups == op.filters else f"conv in {op.groups} groups"
    stride = "" if op.strides == (1, 1) else f" / {op.strides[0]}"
    return f"{kind} {op.window[0]}x{op.window[1]}{stride}"
