"""Chains of relays, kept short: what cancels out is gone before anybody has to walk it."""

from __future__ import annotations

from tfsnn.ops import Pad, Permute, Relay, Reshape, Shape, relayed

CHANNELS_FIRST, CHANNELS_LAST = Permute((2, 0, 1)), Permute((1, 2, 0))


def joined(relays: tuple[Relay, ...], relay: Relay, shape: Shape) -> tuple[Relay, ...]:
    """A chain and one relay more, with the fewest that do the same.

    Given ``(..., Reshape, Reshape)``, ``(..., Permute, Permute)`` or ``(..., Pad, Pad)``, the last two become one; a relay
    that changes nothing is dropped. Pads merge only if neither crops: what was cropped must come back as zeros.

    Parameters
    ----------
    relays
        The chain.
    relay
        What comes behind it.
    shape
        In front of the chain.

    Examples
    --------
    >>> joined((Permute((2, 0, 1)),), Permute((1, 2, 0)), (5, 4, 3))
    ()
    """
    last = relays[-1] if relays else None
    if isinstance(relay, Reshape) and isinstance(last, Reshape):
        return joined(relays[:-1], relay, shape)
    if isinstance(relay, Permute) and isinstance(last, Permute):
        return joined(relays[:-1], Permute(tuple(last.axes[axis] for axis in relay.axes)), shape)
    if isinstance(relay, Pad) and isinstance(last, Pad) and min(min(pair) for pair in (*relay.widths, *last.widths)) >= 0:
        return joined(relays[:-1], Pad(tuple((a + c, b + d) for (a, b), (c, d) in zip(last.widths, relay.widths))), shape)
    idle = (
        (isinstance(relay, Reshape) and relay.shape == relayed(relays, shape))
        or (isinstance(relay, Permute) and relay.axes == tuple(range(len(relay.axes))))
        or (isinstance(relay, Pad) and not any(map(any, relay.widths)))
    )
    return relays if idle else (*relays, relay)
