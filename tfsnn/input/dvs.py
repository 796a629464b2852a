"""What the ``dvs`` encoder does: recordings of an event camera, or snapshots of them, as frames and as events.

Snapshots are what :func:`tfsnn.input.snapshots.respond` gives, whole numbers of 1/256 event. They stand for a network that receives at
once what the leaky population has sent by then; recordings for one that receives it event by event.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tfsnn.errors import InputError
from tfsnn.input.events import Events
from tfsnn.input.recording import Recording
from tfsnn.input.snapshots import Leak, Response, respond

Raw = ArrayLike | Recording | Sequence[Recording]


def recordings_of(raw: object) -> list[Recording] | None:
    """The recordings, if it is these and not an array of snapshots."""
    listed = [raw] if isinstance(raw, Recording) else list(raw) if isinstance(raw, (list, tuple)) else []
    found = [item for item in listed if isinstance(item, Recording)]
    if found and len(found) != len(listed):
        raise InputError("encoder: recordings and something else, mixed; give recordings only, or an array of snapshots")
    return found or None


def sample_shape(leak: Leak, raw: object) -> tuple[int, ...]:
    """Rows, columns and polarities of what recordings give, or the shape of a snapshot; () where it is neither.

    Parameters
    ----------
    leak
        Settings.
    raw
        Recordings or snapshots.
    """
    recordings = recordings_of(raw)
    if recordings is None:
        return np.shape(np.asarray(raw))[1:]
    return leak.shape(recordings[0].width, recordings[0].height)


def levels(leak: Leak, raw: Raw) -> NDArray[np.int32]:
    """Snapshots of all recordings one behind the other, int32 (n, rows, columns, 2); or those that were given.

    Parameters
    ----------
    leak
        Settings.
    raw
        Recordings or snapshots.
    """
    recordings = recordings_of(raw)
    if recordings is not None:
        return np.concatenate([respond(leak, recording).snapshots for recording in recordings])
    array = np.asarray(raw)
    if array.ndim < 2 or array.dtype.kind not in "iu":
        found = f"{array.dtype} of shape {array.shape}"
        raise InputError(f"encoder: raw input of kind 'dvs' is {found}; give recordings, or whole snapshots (n, rows, columns, 2)")
    if array.size and (array.min() < -(1 << 24) or array.max() > 1 << 24):
        raise InputError(f"encoder: snapshots from {array.min()} to {array.max()}; they must lie within 2^24, that is 65,536 events")
    return array.astype(np.int32)


def streams(leak: Leak, raw: Raw) -> Events:
    """A stream for each recording, in microseconds; or for each snapshot, all of it at time 0.

    Parameters
    ----------
    leak
        Settings.
    raw
        Recordings or snapshots.
    """
    recordings = recordings_of(raw)
    if recordings is None:
        snapshots = levels(leak, raw)
        shape = snapshots.shape[1:]
        flat = snapshots.reshape(len(snapshots), int(np.prod(shape)))
        sample, neuron = np.nonzero(flat)
        offsets = np.searchsorted(sample, np.arange(len(flat) + 1))
        return Events(np.zeros(len(sample), np.int64), neuron, flat[sample, neuron], offsets, shape, tick=1.0, unit="us")
    return one_behind_another([respond(leak, recording) for recording in recordings])


def one_behind_another(responses: Sequence[Response]) -> Events:
    """What a leaky population has sent, a sample for each response, in microseconds.

    Parameters
    ----------
    responses
        At least one, all of sensors that give inputs of one shape.
    """
    parts = [response.events for response in responses]
    if len({part.shape for part in parts}) > 1:
        shapes = sorted({part.shape for part in parts})
        raise InputError(f"encoder: recordings of sensors that give inputs of {shapes}; give recordings of one sensor at a time")
    t, neuron, payload = (np.concatenate([getattr(part, name) for part in parts]) for name in ("t", "neuron", "payload"))
    offsets = np.cumsum([0, *map(len, parts)])
    return Events(t, neuron, payload, offsets, parts[0].shape, tick=1.0, unit="us")
