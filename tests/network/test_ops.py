"""Operations: each against its equation written as loops, and f(x) against Keras."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tfsnn.errors import InputError
from tfsnn.network.arithmetic import gather_sum
from tfsnn.network.ops import (
    ACTIVATIONS,
    Activation,
    AveragePool,
    Conv,
    Dense,
    OneToOne,
    Pad,
    Permute,
    Relay,
    Reshape,
    Shape,
    Stretch,
    Upsample,
    factor,
    relayed,
    route,
    same_padding,
    window_output,
    window_sources,
)


def shown(relays: tuple[Relay, ...], x: NDArray[Any]) -> NDArray[Any]:
    """What relays make of one image, through their index map."""
    return factor(relays) * gather_sum(x.reshape(1, -1), route(relays, x.shape)).reshape(relayed(relays, x.shape))


def image(*shape: int) -> NDArray[np.float64]:
    """Numbers that differ from each other."""
    return np.arange(1.0, 1 + np.prod(shape)).reshape(shape)


@given(st.integers(1, 12), st.integers(1, 5), st.integers(1, 4), st.integers(1, 3))
def test_same_padding_gives_an_output_for_each_stride(size: int, window: int, stride: int, dilation: int) -> None:
    padding = same_padding(size, window, stride, dilation)
    assert window_output(size, window, stride, padding, dilation) == -(-size // stride)
    assert 0 <= padding[1] - padding[0] <= 1


@given(
    st.tuples(*[st.integers(1, 6)] * 2),
    st.tuples(*[st.integers(1, 3)] * 2),
    st.tuples(*[st.integers(1, 3)] * 2),
    st.integers(1, 2),
    st.integers(0, 2),
)
def test_window_sources_against_a_loop(
    shape: tuple[int, int], window: tuple[int, int], strides: tuple[int, int], dilation: int, before: int
) -> None:
    after = max(0, (max(window) - 1) * dilation + 1 - min(shape) - before)
    padding = ((before, after), (before, after))
    positions = [range(-before, shape[axis] + after - (window[axis] - 1) * dilation, strides[axis]) for axis in (0, 1)]
    expected = [
        [
            r * shape[1] + c if 0 <= r < shape[0] and 0 <= c < shape[1] else -1
            for r, c in product(range(top, top + window[0] * dilation, dilation), range(left, left + window[1] * dilation, dilation))
        ]
        for top, left in product(*positions)
    ]
    assert window_sources((*shape, 1), window, strides, padding, (dilation, dilation)).tolist() == expected


def test_reshape_keeps_row_major_order() -> None:
    np.testing.assert_array_equal(shown((Reshape((3, 2)),), image(2, 3)), image(2, 3).reshape(3, 2))


def test_permute_moves_axes() -> None:
    x = image(2, 3, 4)
    np.testing.assert_array_equal(shown((Permute((2, 0, 1)),), x), x.transpose(2, 0, 1))


def test_pad_adds_zeros() -> None:
    x = image(2, 3, 1)
    np.testing.assert_array_equal(shown((Pad(((1, 0), (0, 2), (1, 1))),), x), np.pad(x, ((1, 0), (0, 2), (1, 1))))


def test_negative_pad_crops_and_may_pad_the_other_side() -> None:
    x = image(4, 3)
    np.testing.assert_array_equal(shown((Pad(((-1, -2), (1, -1))),), x), np.pad(x[1:2, :2], ((0, 0), (1, 0))))


def test_upsample_repeats_the_nearest() -> None:
    x = image(2, 2, 2)
    np.testing.assert_array_equal(shown((Upsample((2, 3)),), x), x.repeat(2, 0).repeat(3, 1))


def test_stretch_puts_zeros_between() -> None:
    x, expected = image(2, 3, 1), np.zeros((3, 7, 1))
    expected[::2, ::3] = x
    np.testing.assert_array_equal(shown((Stretch((2, 3)),), x), expected)


@pytest.mark.parametrize(("window", "strides"), [((2, 2), (2, 2)), ((2, 1), (1, 3)), ((3, 3), (1, 1)), ((3, 2), (2, 2))])
def test_average_pool_is_the_mean_of_whole_windows(window: tuple[int, int], strides: tuple[int, int]) -> None:
    x = image(5, 5, 2)
    rows, columns = ((5 - window[axis]) // strides[axis] + 1 for axis in (0, 1))
    expected = [
        [x[r * strides[0] :, c * strides[1] :][: window[0], : window[1]].mean(axis=(0, 1)) for c in range(columns)] for r in range(rows)
    ]
    np.testing.assert_allclose(shown((AveragePool(window, strides),), x), expected, rtol=1e-12)


@pytest.mark.parametrize(
    "relays",
    [
        (Pad(((1, 1), (1, 1), (0, 0))), AveragePool((2, 2), (1, 1)), AveragePool((2, 2), (2, 2))),
        (AveragePool((2, 2), (2, 2)), Upsample((2, 2)), Pad(((-1, 0), (0, 1), (0, 0)))),
        (Stretch((2, 2)), AveragePool((3, 3), (1, 1)), Permute((2, 1, 0)), Reshape((-1,))),
    ],
)
def test_a_chain_of_relays_is_one_index_map(relays: tuple[Relay, ...]) -> None:
    x = expected = image(4, 4, 2)
    relays = tuple(Reshape((int(np.prod(relayed(relays[:-1], x.shape))),)) if relay == Reshape((-1,)) else relay for relay in relays)
    for relay in relays:
        expected = shown((relay,), expected)
    np.testing.assert_allclose(shown(relays, x), expected, rtol=1e-12)


def test_no_relays_show_everything_as_it_is() -> None:
    assert relayed((), (2, 3)) == (2, 3) and factor(()) == 1.0
    np.testing.assert_array_equal(shown((), image(2, 3)), image(2, 3))


@pytest.mark.parametrize(
    ("relay", "shape", "message"),
    [
        (Reshape((2, 2)), (2, 3), r"Reshape\(shape=\(2, 2\)\) of shape \(2, 3\)"),
        (Permute((0, 0)), (2, 3), r"Permute\(axes=\(0, 0\)\) of shape \(2, 3\)"),
        (Permute((0, 2)), (2, 3), r"Permute\(axes=\(0, 2\)\) of shape \(2, 3\)"),
        (Pad(((1, 1),)), (2, 3), r"Pad\(widths=\(\(1, 1\),\)\) of shape \(2, 3\)"),
        (Pad(((-1, -1), (0, 0))), (2, 3), r"Pad\(widths=.* of shape \(2, 3\)"),
        (Pad(((-3, 2), (0, 0))), (2, 3), r"Pad\(widths=.* of shape \(2, 3\)"),
        (Upsample((2, 2)), (4, 4), r"Upsample\(factors=\(2, 2\)\) of shape \(4, 4\)"),
        (Upsample((0, 2)), (4, 4, 1), r"Upsample\(factors=\(0, 2\)\) of shape \(4, 4, 1\)"),
        (Upsample((2,)), (4, 4, 1), r"Upsample\(factors=\(2,\)\) of shape \(4, 4, 1\)"),  # type: ignore[arg-type]
        (Stretch((2, 0)), (4, 4, 1), r"Stretch\(strides=\(2, 0\)\) of shape \(4, 4, 1\)"),
        (AveragePool((2, 2), (2, 2)), (4,), r"AveragePool\(window=\(2, 2\), strides=\(2, 2\)\) of shape \(4,\)"),
        (AveragePool((2, 2), (0, 2)), (4, 4, 1), r"AveragePool\(.*\) of shape \(4, 4, 1\)"),
        (AveragePool((5, 2), (2, 2)), (4, 4, 1), r"AveragePool\(.*\) of shape \(4, 4, 1\)"),
    ],
)
def test_relays_that_do_not_fit_their_input(relay: Relay, shape: Shape, message: str) -> None:
    with pytest.raises(InputError, match=message):
        relayed((relay,), shape)


def test_linear_operations_say_their_shapes() -> None:
    conv = Conv(6, (3, 2), (2, 1), ((1, 1), (0, 0)), (1, 2), 2)
    assert (conv.output((7, 8, 4)), conv.weight_shape((7, 8, 4))) == ((4, 6, 6), (3, 2, 2, 6))
    assert (Dense(5).output((2, 3)), Dense(5).weight_shape((2, 3))) == ((5,), (6, 5))
    assert (OneToOne().output((2, 3)), OneToOne().weight_shape((2, 3))) == ((2, 3), (3,))


X = np.concatenate([np.linspace(-30, 30, 1201), [-1e6, 1e6]])


def keras_functions() -> dict[str, tuple[Activation, Callable[[Any], Any]]]:
    """Each f, and what Keras computes for it."""
    from keras import activations as k

    same = (
        "linear",
        "relu",
        "elu",
        "sigmoid",
        "hard_sigmoid",
        "tanh",
        "hard_tanh",
        "softsign",
        "softplus",
        "silu",
        "hard_silu",
        "mish",
        "gelu",
    )
    plain = {name: (Activation(name), getattr(k, name)) for name in same}
    return plain | {
        "gelu_tanh": (Activation("gelu_tanh"), lambda x: k.gelu(x, approximate=True)),
        # Keras 2 had another slope; its own words: 0 below -2.5, 1 above 2.5, 0.2 x + 0.5 between.
        "hard_sigmoid_keras2": (Activation("hard_sigmoid_keras2"), lambda x: np.where(x < -2.5, 0, np.where(x > 2.5, 1, 0.2 * x + 0.5))),
        "relu6": (Activation("relu", top=6.0), k.relu6),
        "leaky": (Activation("relu", slope=0.3), lambda x: k.leaky_relu(x, 0.3)),
        "thresholded": (Activation("relu", start=1.5), lambda x: k.relu(x, threshold=1.5)),
        "all three": (
            Activation("relu", slope=0.2, top=4.0, start=1.0),
            lambda x: k.relu(x, negative_slope=0.2, max_value=4.0, threshold=1.0),
        ),
        "elu of 0.5": (Activation("elu", alpha=0.5), lambda x: k.elu(x, 0.5)),
    }


def test_activations_are_those_of_keras() -> None:
    functions = keras_functions()
    assert set(ACTIVATIONS) <= set(functions)
    for name, (f, of_keras) in functions.items():
        np.testing.assert_allclose(f(X), np.asarray(of_keras(X)), rtol=1e-6, atol=1e-7, err_msg=name)


def test_parametric_relu_has_a_slope_for_each_place() -> None:
    f = Activation("relu", slope=((0.5, 2.0),))
    np.testing.assert_array_equal(f(np.array([[[-2.0, -2.0], [3.0, -1.0]]])), [[[-1.0, -4.0], [3.0, -2.0]]])


def test_activations_of_huge_x_are_finite_and_silent() -> None:
    with np.errstate(all="raise", under="ignore"):
        for kind in ACTIVATIONS:
            assert np.all(np.isfinite(Activation(kind)(np.array([-1e5, -800.0, 0.0, 800.0, 1e5])))), kind
