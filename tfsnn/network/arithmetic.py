"""Index maps, linear operations and maxima on dense arrays, in NumPy. On integers below 2^53 float64 makes them exact."""

from __future__ import annotations

import numpy as np

from tfsnn.aliases import Array
from tfsnn.network.ops import Conv, Dense, Indices, Linear, Padding, Relay, Shape, route, window_sources

PATCHES = 1 << 19
"""Values under the windows of a convolution that are laid side by side at a time."""


def routed(x: Array, relays: tuple[Relay, ...], shape: Shape) -> Array:
    """(samples, inputs) behind a chain of relays, their common factor left out.

    Parameters
    ----------
    x
        (samples, inputs)
    relays, shape
        The chain, and the shape that it begins with.
    """
    return gather_sum(x, route(relays, shape)) if relays else x


def gather_sum(x: Array, index: Indices) -> Array:
    """Sum of x over the terms of each row of an index map; -1 stands for nothing.

    Parameters
    ----------
    x
        (samples, inputs)
    index
        int64 (outputs, terms)

    Returns
    -------
    (samples, outputs)
    """
    if index.shape[1] == 1 and (index >= 0).all():
        return x.take(index[:, 0], axis=1)
    padded = np.concatenate([x, np.zeros((len(x), 1), x.dtype)], axis=1)
    total = padded.take(index[:, 0], axis=1)
    for term in range(1, index.shape[1]):
        total += padded.take(index[:, term], axis=1)
    return total


def linear(op: Linear, weight: Array, x: Array, shape: Shape) -> Array:
    """W x for one linear operation; ``op`` holds the equation.

    Parameters
    ----------
    op, weight
        The operation and its weight.
    x
        (samples, inputs)
    shape
        The input's shape.

    Returns
    -------
    (samples, outputs)
    """
    if isinstance(op, Dense):
        return x @ weight
    if isinstance(op, Conv):
        return _convolution(op, weight, x, shape)
    return (x.reshape(len(x), *shape) * weight).reshape(x.shape)


def _convolution(op: Conv, weight: Array, x: Array, shape: Shape) -> Array:
    pixels = window_sources(shape, op.window, op.strides, op.padding, op.dilation)
    padded = np.concatenate([x.reshape(len(x), -1, shape[2]), np.zeros((len(x), 1, shape[2]), x.dtype)], axis=1)
    if op.groups == shape[2] > 1:
        return _depthwise(op, weight, padded, pixels)
    inner, outer = shape[2] // op.groups, op.filters // op.groups
    result = np.empty((len(x), len(pixels), op.filters), np.result_type(weight, x))
    size = max(1, PATCHES // max(1, len(x) * pixels.shape[1] * inner))
    for group in range(op.groups):
        image = padded[:, :, group * inner : (group + 1) * inner]
        kernel = weight[..., group * outer : (group + 1) * outer].reshape(-1, outer)
        for first in range(0, len(pixels), size):
            part = pixels[first : first + size]
            # Not image[:, part], which numpy lays out otherwise: to reshape that takes longer than all the rest.
            patches = image.take(part, axis=1).reshape(len(x) * len(part), -1)
            result[:, first : first + size, group * outer : (group + 1) * outer] = (patches @ kernel).reshape(len(x), len(part), outer)
    return result.reshape(len(x), -1)


def _depthwise(op: Conv, weight: Array, padded: Array, pixels: Indices) -> Array:
    channels = padded.shape[2]
    kernel = weight.reshape(-1, channels, op.filters // channels)
    total = np.zeros((len(padded), len(pixels), channels, op.filters // channels), np.result_type(weight, padded))
    for tap in range(pixels.shape[1]):
        total += padded[:, pixels[:, tap], :, None] * kernel[tap]
    return total.reshape(len(padded), -1)


def window_maximum(x: Array, shape: Shape, window: tuple[int, int], strides: tuple[int, int], padding: Padding) -> Array:
    """Maximum over each window; the border never wins.

    Parameters
    ----------
    x
        (samples, inputs)
    shape
        The input's shape, (rows, columns, channels).
    window, strides, padding
        As of :func:`tfsnn.network.ops.window_sources`.
    """
    pixels = window_sources(shape, window, strides, padding)
    image = x.reshape(len(x), -1, shape[2])
    padded = np.concatenate([image, np.full((len(x), 1, shape[2]), -np.inf, x.dtype)], axis=1)
    highest = padded.take(pixels[:, 0], axis=1)
    for tap in range(1, pixels.shape[1]):
        highest = np.maximum(highest, padded.take(pixels[:, tap], axis=1))
    return highest.reshape(len(x), -1)
