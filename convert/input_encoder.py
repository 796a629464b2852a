"""Which encoder feeds the network: the one that training left in the model, else what the model's input asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from numpy.typing import NDArray

from tfsnn.errors import FileError, InputError
from tfsnn.input.encoder import Encoder
from tfsnn.input.framing import Framing
from tfsnn.input.raw import suited
from tfsnn.network.graph import Graph
from tfsnn.network.nodes import Input

from .lower.call import Affine, is_number
from .read.records import ModelRecord


def default_encoder(record: ModelRecord, affine: Mapping[str, Affine] | None = None) -> Encoder:
    """The encoder that our own train stage stored, else graded pixels: raw ones if the model scales them itself, else x/255."""
    stored = stored_encoder(record)
    if stored is not None:
        return stored
    inputs = {item.tensor for item in record.inputs}
    for call in record.calls:
        layer = record.layers[call.layer]
        given = (affine or {}).get(layer.name, (affine or {}).get("")) if layer.class_name == "Lambda" else None
        scale = layer.config.get("scale") if layer.class_name == "Rescaling" else given[0] if given else None
        if inputs & set(call.inputs) and is_number(scale) and abs(float(scale or 0)) < 0.1:
            return Encoder("graded", scale=1.0)
    return Encoder("graded")


def suited_to(graph: Graph, raw: Mapping[str, NDArray[Any]], scale: float | None = None) -> Graph:
    """The graph whose graded inputs take raw numbers like these: on the grid that suits them, within their range.

    Parameters
    ----------
    graph
        The network.
    raw
        (samples, \\*shape) by the name of the input: what it is calibrated on.
    scale
        Of whole numbers, if it is known; default that of the encoder.
    """
    nodes = [
        replace(node, encoder=_suited(node.encoder, raw[node.name], scale))
        if isinstance(node, Input) and node.encoder.kind == "graded"
        else node
        for node in graph.nodes
    ]
    return Graph(tuple(nodes), graph.outputs)


def _suited(encoder: Encoder, raw: NDArray[Any], scale: float | None) -> Encoder:
    found = suited(raw, encoder.scale if scale is None else scale)
    low, high = found["range"]
    # Whole numbers from -1 to 1 are no pixels.
    if -1 <= low and high <= 1 and not found["step"]:
        found["scale"] = 1.0
    return Encoder.from_json(encoder.to_json() | found)


def framed(graph: Graph, framing: Framing | None) -> Graph:
    """The graph with the framing in its one input."""
    if framing is None:
        return graph
    if len(graph.inputs) != 1:
        raise InputError(f"convert: a framing for a model with {len(graph.inputs)} inputs; one video can feed one input: leave it out")
    return Graph(tuple(replace(node, framing=framing) if isinstance(node, Input) else node for node in graph.nodes), graph.outputs)


def stored_encoder(record: ModelRecord) -> Encoder | None:
    """The encoder that our own train stage stored in the model, if it did."""
    stored = record.attributes.get("tfsnn")
    if not isinstance(stored, Mapping) or "encoder" not in stored:
        return None
    try:
        return Encoder.from_json(dict(stored["encoder"]))
    except (InputError, TypeError, ValueError) as error:
        raise FileError(f"{record.name}: attribute tfsnn: {error}; give the encoder with --encode and --scale") from None
