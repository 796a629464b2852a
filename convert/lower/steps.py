"""TimeDistributed: one layer at every time step.

A layer that acts on the last axis alone is applied to all steps at once. Any other is applied to each step by itself:
its weights are stored once for each step, and the steps are joined behind it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import prod

import numpy as np

from tfsnn.network.ops import Pad, Reshape, Shape, route

from ..read.records import Config, LayerRecord
from .call import Handler, LayerCall
from .signal import Signal, Term

MOST = 256
"""Time steps that a layer is applied to one by one."""
_LAST_AXIS = frozenset(("Dense", "Activation", "ReLU", "LeakyReLU", "ELU"))


def distributed(handlers: Mapping[str, Handler], free: frozenset[str]) -> Handler:
    """The handler, given those of the layers that it may hold, and which of them do not look at the shape."""

    def time_distributed(call: LayerCall, signal: Signal) -> Signal:
        """one layer of one input at every step; those that do not act on the last axis alone once a step (256 steps at most)"""
        inner = call.layer.take("layer", None)
        name = str(inner.get("class_name"))[:60] if isinstance(inner, dict) else "nothing"
        if not isinstance(inner, dict) or name not in handlers or name == "TimeDistributed" or not isinstance(inner.get("config"), dict):
            raise call.refuse(f"it holds {name}, which does not convert", "hold one layer of the support table at a time")
        if len(signal.keras_shape) < 2:
            raise call.refuse(f"an input of shape {signal.keras_shape}", "expected steps first, then the layer's own axes")
        layer = LayerRecord(call.layer.name, name, Config(inner["config"]), call.layer.weights)
        held = replace(call, layer=layer)
        result = handlers[name](held, signal) if name in _LAST_AXIS | free else _step_by_step(held, signal, handlers[name])
        if layer.unread():
            raise call.refuse(f"settings {', '.join(layer.unread())} of {name}", "tfsnn does not know what they change")
        return result

    return time_distributed


def _step_by_step(call: LayerCall, signal: Signal, handler: Handler) -> Signal:
    steps, *inner = signal.keras_shape
    if steps > MOST:
        raise call.refuse(f"{steps} time steps", f"{MOST} at most: cut the input into pieces")
    if not signal.is_pending_free:
        signal = call.builder.materialized(signal)
    parts = []
    for step in range(steps):
        result = handler(call, _step(call, signal, step, tuple(inner)))
        result = result.viewed(Reshape((1, *result.keras_shape)))
        around = ((step, steps - step - 1), *((0, 0),) * (len(result.keras_shape) - 1))
        parts.append(call.builder.relay(result, Pad(around)))
    return call.builder.add(parts)


def _step(call: LayerCall, signal: Signal, step: int, inner: Shape) -> Signal:
    """One time step, of the populations that show it alone."""
    steps = signal.keras_shape[0]
    cut = call.builder.relay(signal, Pad(((-step, step + 1 - steps), *((0, 0),) * len(inner))))
    cut = call.builder.settle(cut.viewed(Reshape(inner)))
    terms = [_plain(term) for term in cut.terms]
    shown = tuple(term for term in terms if term is not None)
    return replace(cut, terms=shown or cut.terms)


def _plain(term: Term) -> Term | None:
    """The term without relays that only put aside what is taken back here; None if it shows nothing of its population."""
    sources = route(term.relays, term.shape)
    if np.all(sources < 0):
        return None
    same = sources.shape == (prod(term.shape), 1) and np.array_equal(sources[:, 0], np.arange(prod(term.shape)))
    if not same or any(relay.factor != 1 for relay in term.relays):
        return term
    return replace(term, relays=() if term.relayed == term.shape else (Reshape(term.relayed),))
