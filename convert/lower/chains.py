"""Chains of relays, kept short: what cancels out is gone before anybody has to walk it."""

from __future__ import annotations

from tfsnn.network.ops import AveragePool, Pad, Permute, Relay, Reshape, Shape, Stretch, Upsample, relayed

CHANNELS_FIRST, CHANNELS_LAST = Permute((2, 0, 1)), Permute((1, 2, 0))


def joined(relays: tuple[Relay, ...], relay: Relay, shape: Shape) -> tuple[Relay, ...]:
    """A chain and one relay more, with the fewest that do the same.

    Given ``(..., Reshape, Reshape)``, ``(..., Permute, Permute)`` or ``(..., Pad, Pad)``, the last two become one; a relay
    that changes nothing is dropped. Pads merge only if neither crops: what was cropped must come back as zeros. A pad of
    channels moves behind whatever treats channels alike: there the next operation can leave out the weights that meet zeros.

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
    if isinstance(relay, Pad) and any(map(any, relay.widths[:-1])) and any(relay.widths[-1]):
        around, aside = (0, 0), tuple((0, 0) for _ in relay.widths[:-1])
        return joined(joined(relays, Pad((*relay.widths[:-1], around)), shape), Pad((*aside, relay.widths[-1])), shape)
    if isinstance(last, Pad) and pads_channels(last):
        before = _before(last, relay, relayed(relays[:-1], shape))
        if before is not None:
            rank = len(before.output(relayed(relays[:-1], shape)))
            return (*joined(relays[:-1], before, shape), Pad((*((0, 0),) * (rank - 1), last.widths[-1])))
    if isinstance(relay, Pad) and isinstance(last, Pad) and _adds(relay) and _adds(last) and pads_channels(relay) == pads_channels(last):
        return joined(relays[:-1], Pad(tuple((a + c, b + d) for (a, b), (c, d) in zip(last.widths, relay.widths))), shape)
    idle = (
        (isinstance(relay, Reshape) and relay.shape == relayed(relays, shape))
        or (isinstance(relay, Permute) and relay.axes == tuple(range(len(relay.axes))))
        or (isinstance(relay, Pad) and not any(map(any, relay.widths)))
    )
    return relays if idle else (*relays, relay)


def _adds(relay: Pad) -> bool:
    return min(map(min, relay.widths)) >= 0


def pads_channels(relay: Pad) -> bool:
    """Whether it adds channels and nothing else."""
    return _adds(relay) and not any(map(any, relay.widths[:-1])) and any(relay.widths[-1])


def without_channels(relays: tuple[Relay, ...]) -> tuple[tuple[Relay, ...], tuple[int, int]]:
    """A chain without the channels that its last relay adds, and how many these are before and after."""
    last = relays[-1] if relays else None
    return (relays[:-1], last.widths[-1]) if isinstance(last, Pad) and pads_channels(last) else (relays, (0, 0))


def _before(pad: Pad, relay: Relay, shape: Shape) -> Relay | None:
    """The relay that does in front of a pad of channels what ``relay`` does behind it; None if there is none."""
    if isinstance(relay, (AveragePool, Stretch, Upsample)) or (isinstance(relay, Pad) and not any(relay.widths[-1])):
        return relay
    if isinstance(relay, Reshape) and relay.shape[-1] == pad.output(shape)[-1]:
        return Reshape((*relay.shape[:-1], shape[-1]))
    return None
