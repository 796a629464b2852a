"""Raw images are turned, moved, stretched and bent, and then encoded: frames that the encoder might have made of other images."""

from __future__ import annotations

from typing import Any

import numpy as np

from tfsnn.errors import InputError
from tfsnn.input.encoder import Encoder

from .recipes import Augmentation

# Points per side of the grid that elastic deformation moves.
GRID = 5
LEVELS = 1 << 16


def frame_table(encoder: Encoder, raw: Any) -> Any:
    """The frame value of each raw level: float32 (levels,), so that looking up is the same as ``encoder.frames``.

    Parameters
    ----------
    encoder
        The encoder.
    raw
        The images that are to be encoded, whole numbers from 0.
    """
    if not np.issubdtype(raw.dtype, np.integer) or raw.min() < 0 or raw.max() >= LEVELS:
        raise InputError(f"train: images are {raw.dtype} from {raw.min()} to {raw.max()}; expected whole numbers from 0 to {LEVELS - 1}")
    return encoder.frames(np.arange(int(raw.max()) + 1)[:, None])[:, 0]


def augment(images: Any, seed: Any, settings: Augmentation) -> Any:
    """Change every image at random: out = brightness x in(A p + bend), bilinear, black outside.

    Parameters
    ----------
    images
        float32 (n, height, width, channels).
    seed
        int32 (2,): the same seed gives the same changes.
    settings
        How far they go.

    Returns
    -------
    Tensor
        float32, of the same shape.
    """
    import tensorflow as tf

    if settings == Augmentation():
        return images
    n = tf.shape(images)[0]
    height, width = images.shape[1:3]
    seeds = tf.random.split(seed, 2)
    u = tf.random.stateless_uniform((7, n, 1, 1), seeds[0], -1.0, 1.0)
    angle = u[0] * np.pi / 180 * settings.rotation
    y = tf.range(height, dtype=tf.float32)[:, None] - (height - 1) / 2
    x = tf.range(width, dtype=tf.float32)[None, :] - (width - 1) / 2
    sheared = x + u[3] * settings.shear * y
    column = (tf.cos(angle) * sheared - tf.sin(angle) * y) * (1 + u[1] * settings.zoom) + u[4] * settings.shift
    row = (tf.sin(angle) * sheared + tf.cos(angle) * y) * (1 + u[2] * settings.zoom) + u[5] * settings.shift
    if settings.elastic:
        moves = tf.random.stateless_uniform((n, GRID, GRID, 2), seeds[1], -settings.elastic, settings.elastic)
        bend = tf.image.resize(moves, (height, width), method="bicubic")
        row, column = row + bend[..., 0], column + bend[..., 1]
    bright = tf.exp(u[6] * settings.brightness)[..., None]
    return bright * sample(images, row + (height - 1) / 2, column + (width - 1) / 2)


def sample(images: Any, row: Any, column: Any) -> Any:
    """Images read between their pixels, bilinear, 0 outside.

    Parameters
    ----------
    images
        float32 (n, height, width, channels).
    row, column
        float32 (n, height, width): where each pixel of the result is read.
    """
    import tensorflow as tf

    height, width, channels = images.shape[1:]
    # A black rim takes in everything that lies outside: one pixel, and one more that is read with weight 0.
    pitch = width + 3
    flat = tf.reshape(tf.pad(images, [[0, 0], [1, 2], [1, 2], [0, 0]]), (-1, (height + 3) * pitch, channels))
    row = tf.clip_by_value(row + 1, 0.0, height + 1.0)
    column = tf.clip_by_value(column + 1, 0.0, width + 1.0)
    top, left = tf.floor(row), tf.floor(column)
    down, right = (row - top)[..., None], (column - left)[..., None]
    place = tf.cast(top, tf.int32) * pitch + tf.cast(left, tf.int32)
    corner = [tf.gather(flat, place + step, batch_dims=1) for step in (0, 1, pitch, pitch + 1)]
    upper = corner[0] + right * (corner[1] - corner[0])
    lower = corner[2] + right * (corner[3] - corner[2])
    return upper + down * (lower - upper)


def encode(images: Any, table: Any) -> Any:
    """The frames of changed images: each pixel rounded to a raw level, and looked up.

    Parameters
    ----------
    images
        float32 (n, \\*shape).
    table
        Of :func:`frame_table`.
    """
    import tensorflow as tf

    levels = tf.clip_by_value(tf.round(images), 0.0, float(len(table) - 1))
    return tf.gather(tf.constant(table), tf.cast(levels, tf.int32))
