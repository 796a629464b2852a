"""Which encoder feeds the network: the one that training left in the model, else what model and data ask for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tfsnn.errors import FileError, InputError
from tfsnn.input.encoder import Encoder
from tfsnn.input.framing import Framing
from tfsnn.input.raw import fraction, suited
from tfsnn.network.graph import Graph
from tfsnn.network.nodes import Input

from .feeding import better_reading
from .known_range import Known
from .lower.call import Affine, is_number
from .read.records import ModelRecord

BYTES = 1 / 255
FEW = 64
"""A range of fewer whole numbers than this is taken for one of fractions."""


TWICE = 20.0
"""Data that were scaled down before lie in a range so many times as narrow as the one that a normalization was adapted to."""


class Feeding(NamedTuple):
    """How a network is fed.

    Parameters
    ----------
    graph
        With an encoder at each input.
    notes
        What should be said of it.
    by_labels
        Whether labels were asked what whole numbers mean.
    """

    graph: Graph
    notes: list[str]
    by_labels: bool = False


def default_encoder(record: ModelRecord, affine: Mapping[str, Affine] | None = None, number: int | None = None) -> Encoder:
    """The encoder that our own train stage stored, else graded pixels: raw ones if the model scales them itself, else x/255.

    Parameters
    ----------
    record, affine
        The model, and what its Lambda layers compute.
    number
        Of the input; None: any.
    """
    stored = stored_encoder(record)
    if stored is not None:
        return stored
    return Encoder("graded", scale=1.0) if scales_itself(record, affine, number) else Encoder("graded")


def scales_itself(record: ModelRecord, affine: Mapping[str, Affine] | None = None, number: int | None = None) -> bool:
    """Whether a layer at the input scales raw numbers down; parameters as of :func:`default_encoder`."""
    inputs = {item.tensor for item in (record.inputs if number is None else record.inputs[number : number + 1])}
    for call in record.calls:
        layer = record.layers[call.layer]
        given = (affine or {}).get(layer.name, (affine or {}).get("")) if layer.class_name == "Lambda" else None
        scale = layer.config.get("scale") if layer.class_name == "Rescaling" else given[0] if given else None
        adapted = layer.class_name == "Normalization"
        if inputs & set(call.inputs) and (adapted or (is_number(scale) and abs(float(scale or 0)) < 0.1)):
            return True
    return False


def fitted(base: Encoder, raw: NDArray[Any] | None, known: tuple[float, float] | None, asked: Mapping[str, Any]) -> Encoder:
    """An encoder with the scale, grid and range that data ask for, and over that whatever the user asks for.

    Parameters
    ----------
    base
        What the model asks for.
    raw
        Calibration data; None if there are none.
    known
        Least and largest raw value, where the user says so.
    asked
        Settings that the user has chosen.
    """
    settings = base.to_json()
    # Without data, the range says what they are made of: fractions, if it leaves too few whole numbers.
    data = _as_data(*known) if raw is None and known is not None else raw
    if data is not None:
        found = suited(data, _scale_of(data, base.scale))
        scale = asked.get("scale", found["scale"])
        settings |= found | {"scale": scale, "step": found["step"] * scale / found["scale"]}
    if known is not None:
        settings["range"] = known
    settings |= asked
    if settings["kind"] != "delay" and "bins" not in asked:
        settings.pop("bins", None)
    if settings["kind"] == "graded" and "threshold" in asked:
        raise InputError("encoder: kind 'graded' has no threshold; choose kind 'delta' for a video (--encode delta), or 'delay'")
    return Encoder.from_json(settings)


def with_range(encoder: Encoder, raw: NDArray[Any] | None, known: tuple[float, float] | None) -> Encoder:
    """An encoder that was given, with the range that the user states, else where it has none with that of the data.

    Parameters
    ----------
    encoder
        As it was given, or as training stored it.
    raw
        Calibration data; None if there are none.
    known
        Least and largest raw value, where the user says so.
    """
    if raw is not None and raw.size and not encoder.range:
        known = known or (float(raw.min()), float(raw.max()))
    return encoder if known is None else Encoder.from_json(encoder.to_json() | {"range": known})


def fed(
    graph: Graph,
    record: ModelRecord,
    raw: Mapping[str, NDArray[Any]],
    asked: Mapping[str, Encoder | Mapping[str, Any] | None],
    *,
    affine: Mapping[str, Affine] | None = None,
    labels: NDArray[Any] | None = None,
    known: Mapping[str, tuple[float, float] | None] | None = None,
    said: Mapping[int, Known] | None = None,
) -> Feeding:
    """The graph with the encoder that suits model and data at each input.

    Parameters
    ----------
    graph
        In float; its encoders do not matter.
    record
        What the graph was made of.
    raw
        Calibration data by name of the input; empty if there are none.
    asked
        By name of the input, the encoder, or settings of it, that the user asks for.
    affine
        What Lambda layers compute.
    labels
        What is right for the data, as of :func:`tfsnn.input.targets.targets`.
    known
        By name of the input, least and largest raw value, where the user says so.
    said
        By number of the input, the range of values that the model itself says.

    Raises
    ------
    InputError
        If the model scales its input down itself, and the data seem to have been scaled down before.
    """
    stored = stored_encoder(record)
    notes: list[str] = []
    encoders: dict[str, Encoder] = {}
    by_labels = False
    for number, node in enumerate(graph.inputs):
        given, data, bounds = asked.get(node.name), raw.get(node.name), (known or {}).get(node.name)
        if isinstance(given, Encoder):
            encoders[node.name] = with_range(given, None, bounds)
            continue
        settings = dict(given or {})
        if stored is not None:
            encoders[node.name] = with_range(fitted(stored, None, None, settings), data, bounds)
            continue
        base = default_encoder(record, affine, number)
        if data is not None:
            if undecided(record, affine, data, settings, number):
                found, note = _reading(graph, node.name, data, labels)
                settings, notes, by_labels = found | settings, notes + note, by_labels or labels is not None
            elif beyond_bytes(record, affine, data, settings, number):
                notes.append(_taken_as_they_are(node.name, data, len(graph.inputs)))
            if bounds is None and "scale" not in settings:
                _scaled_twice(record, affine, number, data, (said or {}).get(number), node.name)
        elif bounds is None and "range" not in settings and number in (said or {}):
            # Its statistics are of values: raw numbers are these, where the user does not say otherwise.
            scale, offset, model_says = settings.get("scale", 1.0), settings.get("offset", 0.0), (said or {})[number]
            bounds, base = ((model_says.low - offset) / scale, (model_says.high - offset) / scale), Encoder("graded", scale=1.0)
            notes.append(f"input {node.name}: {model_says.note}; --calibrate DATA or --range LO:HI say otherwise")
        encoders[node.name] = fitted(base, data, bounds, settings)
    return Feeding(_with_encoders(graph, encoders), notes, by_labels)


def _scaled_twice(
    record: ModelRecord, affine: Mapping[str, Affine] | None, number: int, data: NDArray[Any], said: Known | None, name: str
) -> None:
    """Refuse fractions for a model that divides its input by a large number itself."""
    if not scales_itself(record, affine, number) or not fraction(data) or float(np.abs(data).max()) > 1.001:
        return
    low, high = float(data.min()), float(data.max())
    # A normalization says what it was adapted to, which may be fractions.
    if said is not None and said.high - said.low <= TWICE * (high - low):
        return
    raise InputError(
        f"the model scales its input down itself, and the data for input {name} lie between {low:g} and {high:g}, as if they had been "
        "scaled before; give raw values, or say that these are (--range LO:HI)"
    )


def undecided(
    record: ModelRecord, affine: Mapping[str, Affine] | None, raw: NDArray[Any], asked: Mapping[str, Any], number: int | None = None
) -> bool:
    """Whether whole numbers may mean x / 255 or x, as nothing in the model or in what the user asks for says which.

    Parameters
    ----------
    record, affine
        The model, and what its Lambda layers compute.
    raw
        Calibration data.
    asked
        Settings that the user has chosen.
    number
        Of the input; None: any.
    """
    said = stored_encoder(record) or scales_itself(record, affine, number) or {"scale", "offset"} & set(asked)
    return not said and not fraction(raw) and _scale_of(raw, BYTES) == BYTES


def framed(graph: Graph, framing: Framing | None) -> Graph:
    """The graph with the framing in its one input."""
    if framing is None:
        return graph
    if len(graph.inputs) != 1:
        raise InputError(f"convert: a framing for a model with {len(graph.inputs)} inputs; one video can feed one input: leave it out")
    return Graph(tuple(replace(node, framing=framing) if isinstance(node, Input) else node for node in graph.nodes), graph.outputs)


def stored_framing(record: ModelRecord) -> Framing | None:
    """The framing that our own train stage stored in the model, if it was trained on a video."""
    stored = record.attributes.get("tfsnn")
    if not isinstance(stored, Mapping) or "framing" not in stored:
        return None
    try:
        return Framing.from_json(stored["framing"])
    except InputError as error:
        raise FileError(f"{record.name}: attribute tfsnn: {error}; train the model again") from None


def stored_encoder(record: ModelRecord) -> Encoder | None:
    """The encoder that our own train stage stored in the model, if it did."""
    stored = record.attributes.get("tfsnn")
    if not isinstance(stored, Mapping) or "encoder" not in stored:
        return None
    try:
        return Encoder.from_json(dict(stored["encoder"]))
    except (InputError, TypeError, ValueError) as error:
        raise FileError(f"{record.name}: attribute tfsnn: {error}; give the encoder with --encode and --scale") from None


def beyond_bytes(
    record: ModelRecord, affine: Mapping[str, Affine] | None, raw: NDArray[Any], asked: Mapping[str, Any], number: int | None = None
) -> bool:
    """Whether unsigned numbers of more than 8 bits, such as pixels of 16, are taken as they are because nobody says otherwise.

    Parameters
    ----------
    record, affine, raw, asked, number
        As of :func:`undecided`.
    """
    said = scales_itself(record, affine, number) or {"scale", "offset"} & set(asked)
    return not said and raw.dtype.kind == "u" and float(raw.max(initial=0)) > np.iinfo(np.uint8).max


def _taken_as_they_are(name: str, data: NDArray[Any], inputs: int) -> str:
    top, of = np.iinfo(data.dtype).max, "" if inputs == 1 else f"{name}="
    where = f"whole numbers from {data.min()} to {data.max()} at input {name} are taken as they are"
    return f"{where}; --scale {of}1/{top} where the model was trained on pixels of {8 * data.dtype.itemsize} bits as fractions"


def _reading(graph: Graph, name: str, data: NDArray[Any], labels: NDArray[Any] | None) -> tuple[dict[str, float], list[str]]:
    """What the data of an input leave open and labels decide, and what should be said of it."""
    if labels is not None and len(graph.inputs) == len(graph.outputs) == 1 and len(labels) == len(data):
        found, note = better_reading(graph, data, labels)
        return found, [note] if note else []
    of, option = ("", "--scale 1") if len(graph.inputs) == 1 else (f" of input {name}", f"--scale {name}=1")
    return {}, [f"whole numbers up to 255{of} are taken for pixels, x / 255; {option} where the model was trained on x itself"]


def _with_encoders(graph: Graph, encoders: Mapping[str, Encoder]) -> Graph:
    nodes = [replace(node, encoder=encoders[node.name]) if isinstance(node, Input) else node for node in graph.nodes]
    return replace(graph, nodes=tuple(nodes))


def _as_data(low: float, high: float) -> NDArray[Any]:
    """Numbers that stand for all of a range: its bounds, and for one of fractions what lies between whole numbers."""
    whole = float(low).is_integer() and float(high).is_integer() and high - low >= FEW
    return np.array([[low, high] if whole else [low, (low + high) / 2 + (high - low) / 3e3, high]])


def _scale_of(raw: NDArray[Any], scale: float) -> float:
    """1 for whole numbers that are no pixels: 0 and 1 of a board, counts beyond 255, signed samples."""
    low, high = (float(raw.min()), float(raw.max())) if raw.size else (0.0, 255.0)
    return scale if scale != BYTES or (0 <= low and 1 < high <= 255) else 1.0
