"""What all layers over images share: the order of channels, padding, and checks of shapes."""

from __future__ import annotations

from collections.abc import Callable

from tfsnn.aliases import Array
from tfsnn.network.ops import Conv, Padding, Permute, Reshape, Shape, same_padding

from .call import LayerCall
from .chains import CHANNELS_FIRST, CHANNELS_LAST
from .signal import Signal

Back = Callable[[Signal], Signal]


def first_channels(call: LayerCall) -> bool:
    """Whether the layer's tensors are (channels, rows, columns)."""
    return bool(call.only("data_format", ("channels_last", "channels_first", None), "channels_last") == "channels_first")


def image(call: LayerCall, signal: Signal) -> tuple[Signal, Back]:
    """The signal as (rows, columns, channels), one column if the layer is one-dimensional, and the way back."""
    first = first_channels(call)
    if len(signal.keras_shape) != (2 if call.flat else 3):
        expected = "steps and channels" if call.flat else "rows, columns and channels"
        raise call.refuse(f"an input of shape {signal.keras_shape}", f"expected {expected}")
    if first:
        signal = signal.viewed(Permute((1, 0)) if call.flat else CHANNELS_LAST)
    if call.flat:
        steps, channels = signal.keras_shape
        signal = signal.viewed(Reshape((steps, 1, channels)))

    def back(result: Signal) -> Signal:
        if call.flat:
            result = result.viewed(Reshape((result.keras_shape[0], result.keras_shape[2])))
        return result.viewed(Permute((1, 0)) if call.flat else CHANNELS_FIRST) if first else result

    return call.builder.settle(signal) if signal.view else signal, back


def padding(
    call: LayerCall, shape: Shape, window: tuple[int, int], strides: tuple[int, int], dilation: tuple[int, int] = (1, 1)
) -> Padding:
    """Zeros around the image for the layer's ``padding``."""
    causal = call.layer.class_name in ("Conv1D", "SeparableConv1D")
    kind = call.only("padding", ("valid", "same", *(("causal",) if causal else ())), "valid")
    if kind == "valid":
        return (0, 0), (0, 0)
    if kind == "causal":
        return ((window[0] - 1) * dilation[0], 0), (0, 0)
    rows, columns = (same_padding(shape[i], window[i], strides[i], dilation[i]) for i in (0, 1))
    return rows, columns


def checked(call: LayerCall, weight: Array, expected: Shape) -> Array:
    """The weight, if its shape is what the settings say."""
    if weight.shape != expected:
        raise call.refuse(f"a weight of shape {weight.shape}", f"its settings and input ask for {expected}; the file contradicts itself")
    return weight


def fits(call: LayerCall, op: Conv, shape: Shape) -> None:
    """Refuse a window larger than its image."""
    if min(op.output(shape)) < 1:
        raise call.refuse(f"a window of {op.window} on an image of {shape[:2]}", "no output is left; give a larger input shape")
