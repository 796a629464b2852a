"""Beginnings of images: what has reached the network while the pixels of an image still arrive, one event after another."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from tfsnn.errors import InputError
from tfsnn.input.encoder import Encoder

NO_EVENT = np.iinfo(np.int32).max
"""In place of the time of a pixel that sends no event."""


def time_table(encoder: Encoder, levels: int) -> Any:
    """When a pixel of each raw level sends its event: int64 (levels,), :data:`NO_EVENT` where it sends none.

    Parameters
    ----------
    encoder
        The encoder, of kind ``"delay"``: any other sends a whole frame at once.
    levels
        Number of raw levels, from 0.
    """
    if encoder.kind != "delay":
        raise InputError(f"train: prefixes of images of encoder kind {encoder.kind!r}; they need kind 'delay': set prefixes to 0")
    stream = encoder.events(np.arange(levels)[:, None])
    table = np.full(levels, NO_EVENT, np.int64)
    table[np.repeat(np.arange(levels), np.diff(stream.offsets))] = stream.t
    return table


def prefixes(frames: Any, times: Any, count: int, seed: Any) -> Any:
    """Nested beginnings of images, the shortest ones first.

    Each ends with an event drawn uniformly from those of its image, that one included. Events of one time are in neuron order.

    Parameters
    ----------
    frames
        float32 (n, \\*shape).
    times
        int64 (n, \\*shape): when each pixel sends its event, :data:`NO_EVENT` if it does not.
    count
        How many of each image.
    seed
        int32 (2,): the same seed gives the same ones.

    Returns
    -------
    Tensor
        float32 (count * n, \\*shape): the shortest of all images, then the next ones.
    """
    import tensorflow as tf

    shape = tf.shape(frames)
    flat, times = (tf.reshape(part, (shape[0], -1)) for part in (frames, times))
    size = tf.shape(flat)[1]
    order = times * tf.cast(size, tf.int64) + tf.range(tf.cast(size, tf.int64))
    drawn = tf.random.stateless_uniform((count, shape[0], size), seed)
    last = tf.argmax(tf.where(times < NO_EVENT, drawn, -1.0), axis=-1)
    ends = tf.sort(tf.gather(order, tf.transpose(last), batch_dims=1), axis=1)
    begun = tf.where(order <= tf.transpose(ends)[..., None], flat, 0.0)
    return tf.reshape(begun, tf.concat([[-1], shape[1:]], 0))


def taken_back(begun: list[Any], whole: Any) -> Any:
    """What neurons send in vain: sum over k of abs(r_k - r_(k-1)) - abs(r - rho); 0 where they only rise or only fall.

    Parameters
    ----------
    begun
        r_k - rho, what differs from rest, on each prefix.
    whole
        r - rho, on the whole image.
    """
    import tensorflow as tf

    path = tf.abs(begun[0]) + sum(tf.abs(after - before) for before, after in pairwise([*begun, whole]))
    return path - tf.abs(whole)
