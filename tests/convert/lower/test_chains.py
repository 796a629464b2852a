"""Chains of relays: shorter, and the same map."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tfsnn.convert.lower.chains import CHANNELS_FIRST, CHANNELS_LAST, joined
from tfsnn.network.ops import AveragePool, Pad, Permute, Relay, Reshape, Shape, Stretch, Upsample, relayed, route


@st.composite
def chains(draw: st.DrawFn) -> tuple[Shape, list[Relay]]:
    shape: Shape = tuple(draw(st.lists(st.integers(1, 4), min_size=3, max_size=3)))
    chain: list[Relay] = []
    here = shape
    for _ in range(draw(st.integers(0, 5))):
        kind = draw(st.sampled_from(("reshape", "permute", "pad", "channels", "upsample", "stretch", "mean")))
        relay: Relay
        if kind == "reshape":
            relay = Reshape((*draw(st.permutations(here[:2])), here[2]) if draw(st.booleans()) else tuple(draw(st.permutations(here))))
        elif kind == "permute":
            relay = Permute(tuple(draw(st.permutations(range(3)))))
        elif kind == "pad":
            relay = Pad(tuple((draw(st.integers(-(n > 1), 1)), draw(st.integers(0, 1))) for n in here))
        elif kind == "channels":
            relay = Pad(((0, 0), (0, 0), (draw(st.integers(0, 2)), draw(st.integers(0, 2)))))
        elif kind == "mean":
            relay = AveragePool((draw(st.integers(1, here[0])), 1), (1, 1))
        else:
            relay = (Upsample if kind == "upsample" else Stretch)((draw(st.integers(1, 2)), 1))
        chain.append(relay)
        here = relay.output(here)
    return shape, chain


@given(chains())
def test_joined_is_the_same_map(drawn: tuple[Shape, list[Relay]]) -> None:
    shape, chain = drawn
    short: tuple[Relay, ...] = ()
    for relay in chain:
        short = joined(short, relay, shape)
    assert relayed(short, shape) == relayed(tuple(chain), shape)
    # A window lists its inputs in any order, and what is padding as often as it likes.
    np.testing.assert_array_equal(np.sort(route(short, shape)), np.sort(route(tuple(chain), shape)))


def test_what_cancels_out() -> None:
    shape = (5, 4, 3)
    assert joined((CHANNELS_FIRST,), CHANNELS_LAST, shape) == ()
    assert joined((Reshape((20, 3)),), Reshape(shape), shape) == ()
    assert joined((Pad(((1, 0), (0, 0), (0, 0))),), Pad(((1, 2), (0, 0), (0, 0))), shape) == (Pad(((2, 2), (0, 0), (0, 0))),)
    assert len(joined((Pad(((-1, 0), (0, 0), (0, 0))),), Pad(((1, 0), (0, 0), (0, 0))), shape)) == 2
    assert joined((), Pad(((0, 0), (0, 0), (0, 0))), shape) == ()
