"""Every layer and every argument that matters: what a model becomes computes what Keras computes."""

from __future__ import annotations

import numpy as np
import pytest

from tests.convert_parts import PIXELS, drawn, graph_of, keras_outputs, layer, lowering_error, outputs, sequential
from tfsnn.convert.calibrate import expected_scales
from tfsnn.convert.lower.driver import examine, graph_or_error
from tfsnn.convert.read.read import from_live

FIRST = "data_format='channels_first'"
BN = "BatchNormalization()"
IMAGE, SMALL, STEPS = (9, 6, 4), (3, 4, 2), (11, 4)

CASES: dict[tuple[int, ...], tuple[str | tuple[str, ...], ...]] = {
    IMAGE: (
        "Conv2D(3, 3)",
        "Conv2D(3, (3, 2), strides=(2, 3), padding='same')",
        "Conv2D(3, (4, 2), padding='same', use_bias=False)",
        "Conv2D(3, 2, strides=2, padding='same')",
        "Conv2D(3, (3, 2), dilation_rate=(2, 3), padding='same')",
        "Conv2D(3, 2, dilation_rate=2)",
        "Conv2D(6, 3, groups=2, padding='same', activation='relu')",
        "Conv2D(4, 1, strides=3, groups=4)",
        f"Conv2D(3, (3, 2), strides=(1, 2), padding='same', {FIRST})",
        "DepthwiseConv2D((3, 2), padding='same')",
        "DepthwiseConv2D((2, 4), strides=2, depth_multiplier=3, padding='same', activation='tanh')",
        "DepthwiseConv2D(3, dilation_rate=2, padding='same', use_bias=False)",
        f"DepthwiseConv2D((3, 2), depth_multiplier=2, {FIRST})",
        "SeparableConv2D(5, (3, 2), padding='same')",
        "SeparableConv2D(5, 2, strides=2, depth_multiplier=2, activation='relu')",
        "SeparableConv2D(5, 3, dilation_rate=2, use_bias=False)",
        f"SeparableConv2D(5, (3, 2), padding='same', {FIRST})",
        "Conv2DTranspose(3, 3)",
        "Conv2DTranspose(3, (3, 4), strides=(2, 3), padding='same')",
        "Conv2DTranspose(3, (2, 5), strides=(3, 2))",
        "Conv2DTranspose(3, 1, strides=2, padding='same', use_bias=False)",
        "Conv2DTranspose(3, 2, strides=3, activation='relu')",
        f"Conv2DTranspose(3, 3, strides=2, {FIRST})",
        "Dense(5)",
        ("Flatten()", "Dense(5, use_bias=False)", "ReLU()", "Dense(3)"),
        (f"Conv2D(3, 3, activation='relu', {FIRST})", "Flatten()", "Dense(3)"),
        "MaxPooling2D()",
        "MaxPooling2D((3, 2), strides=(2, 1))",
        "MaxPooling2D(3, strides=2, padding='same')",
        f"MaxPooling2D((2, 3), strides=1, padding='same', {FIRST})",
        "AveragePooling2D(2)",
        "AveragePooling2D((3, 2), strides=(2, 1))",
        "AveragePooling2D(3, strides=2, padding='same')",
        f"AveragePooling2D((2, 3), strides=1, padding='same', {FIRST})",
        (BN, "AveragePooling2D(3, strides=2, padding='same')", "Conv2D(3, 2)"),
        ("ReLU()", BN, "AveragePooling2D(2, strides=1, padding='same')", BN),
        "GlobalAveragePooling2D()",
        ("GlobalAveragePooling2D(keepdims=True)", "Conv2D(5, 1)"),
        "GlobalMaxPooling2D()",
        f"GlobalMaxPooling2D(keepdims=True, {FIRST})",
        f"GlobalAveragePooling2D({FIRST})",
        "UpSampling2D()",
        ("UpSampling2D((3, 2))", "Conv2D(3, 3, padding='same')"),
        f"UpSampling2D((1, 2), {FIRST})",
        # Batch norm: before and after the activation, at borders, on other axes, in a row.
        ("Conv2D(3, 3, padding='same')", BN, "ReLU()", "Conv2D(3, 3, padding='same')"),
        ("Conv2D(3, 3, activation='relu')", BN, "Conv2D(3, (3, 2), strides=2, padding='same')"),
        ("ReLU()", BN, "ZeroPadding2D(1)", "Conv2D(3, 3, padding='same')", BN, "Flatten()", "Dense(3)"),
        ("ReLU()", BN, "DepthwiseConv2D(3, padding='same')", BN, BN, "ReLU()"),
        ("ReLU()", BN, "Conv2D(6, 3, groups=2, padding='same')"),
        ("ReLU()", BN, "Conv2DTranspose(3, 3, strides=2)"),
        ("ReLU()", BN, "MaxPooling2D(2, strides=1, padding='same')", "Conv2D(3, 2)"),
        ("ReLU()", "BatchNormalization(scale=False)", "MaxPooling2D(3)", "Dense(3)"),
        ("ReLU()", "BatchNormalization(center=False)", "MaxPooling2D(3)", "Dense(3)"),
        ("ReLU()", BN, "GlobalMaxPooling2D()"),
        ("ReLU()", BN, "UpSampling2D(2)", "Cropping2D(1)", "Conv2D(2, 3, padding='same')"),
        ("Conv2D(3, 3)", "BatchNormalization(axis=1)", "ReLU()", "Conv2D(2, 3)"),
        ("BatchNormalization(axis=2)", "Conv2D(2, 3, padding='same')"),
        (f"Conv2D(3, 3, {FIRST})", "BatchNormalization(axis=1)", "ReLU()", f"Conv2D(3, 2, {FIRST})"),
        ("Flatten()", BN, "Dense(3)", BN, "ReLU()", "Dense(2)"),
        ("ReLU()", "Flatten()", BN, "Dense(3)"),
        ("ReLU()", BN, "Reshape((6, 9, 4))", "Permute((3, 1, 2))", "Conv2D(3, 2)"),
        ("ReLU()", BN, "Permute((3, 1, 2))", "AveragePooling2D((1, 3))", "Conv2D(3, 2)"),
        # Scalings at the input.
        ("Rescaling(1 / 127.5, offset=-1)", "Conv2D(3, 3, padding='same')"),
        ("Rescaling([1., 2., 3., 4.], offset=[0., 1., 0., 2.])", "Conv2D(3, 3)"),
        ("Normalization(mean=[.1, .2, .3, .4], variance=[1., 2., 3., 4.])", "Conv2D(3, 3, padding='same')"),
        ("Normalization(axis=None, mean=.3, variance=2.)", "Conv2D(3, 3)"),
        ("Normalization()", "Conv2D(3, 3)"),
        # Outputs that are no neurons of their own.
        ("ReLU()", "MaxPooling2D(2)"),
        ("ReLU()", "MaxPooling2D(2)", "Flatten()"),
        ("Conv2D(3, 2, activation='relu')", "Flatten()"),
        ("Conv2D(3, 2)", "MaxPooling2D(2)", "AveragePooling2D(2)"),
        # Softmax at the output.
        ("Flatten()", "Dense(5, activation='softmax')"),
        ("Dense(5)", "Softmax()"),
        ("Conv2D(3, 2)", "Reshape((-1, 3))", "Softmax()"),
        ("Conv2D(3, 2)", "Flatten()", "Activation('softmax')"),
        ("Conv2D(3, 2)", "Permute((3, 1, 2))", "Softmax()"),
        ("Flatten()", "Dense(5, activation='softmax')", "Reshape((5, 1))", "Dropout(.2)"),
    ),
    STEPS: (
        "Conv1D(3, 3)",
        "Conv1D(3, 4, strides=2, padding='same')",
        "Conv1D(3, 3, dilation_rate=2, padding='causal', activation='relu')",
        "Conv1D(4, 3, groups=2, padding='same')",
        f"Conv1D(3, 3, strides=2, padding='same', {FIRST})",
        ("Conv1D(3, 3)", BN, "ReLU()", "MaxPooling1D(2)", "Conv1D(2, 2)", "Flatten()", "Dense(3)"),
        "DepthwiseConv1D(3, depth_multiplier=2, strides=2, padding='same')",
        "SeparableConv1D(5, 3, padding='same')",
        "Conv1DTranspose(3, 3, strides=2, padding='same')",
        "Conv1DTranspose(3, 2, strides=3)",
        "MaxPooling1D(3, strides=2, padding='same')",
        f"MaxPooling1D(2, {FIRST})",
        "AveragePooling1D(3, strides=2, padding='same')",
        "GlobalMaxPooling1D()",
        f"GlobalAveragePooling1D(keepdims=True, {FIRST})",
        ("ReLU()", BN, "Conv1D(3, 3, padding='same')", "BatchNormalization(axis=1)", "GlobalAveragePooling1D()"),
        ("Dense(3, activation='relu')", BN, "Dense(2)"),
    ),
    (12,): ("Dense(4)", ("Reshape((2, 3, 2))", "Conv2D(3, 2)"), ("ReLU()", BN, "Dense(3)"), "ReLU()", ("Reshape((12, 1))", "Conv1D(2, 3)")),
    (2, 3, 4, 2): ("Dense(3)", ("Dense(3, activation='relu')", BN, "Reshape((6, 12))", "Conv1D(2, 2)")),
}
EVERY = [(shape, (texts,) if isinstance(texts, str) else texts) for shape, group in CASES.items() for texts in group]


@pytest.mark.parametrize(("shape", "texts"), EVERY, ids=[f"{'x'.join(map(str, s))} {' '.join(t)}" for s, t in EVERY])
def test_equals_keras(shape: tuple[int, ...], texts: tuple[str, ...]) -> None:
    assert lowering_error(sequential(shape, *texts)) < 1e-5


def test_statistics_of_a_batch_norm_scale_its_population() -> None:
    """With beta 0 and gamma 1, a rectified normal variable stays below 3.09 in 99.9 % of all cases."""
    import keras

    model = keras.Sequential([keras.Input((5, 4, 2)), layer("Conv2D(3, 3)"), layer(BN), layer("ReLU()"), layer("Conv2D(2, 2)")])
    found = examine(from_live(model), PIXELS)
    (scale,) = expected_scales(graph_or_error(found), found.statistics, {}).values()
    assert scale == pytest.approx(3.09, abs=0.1)


def test_neighbours_fold_into_one_population() -> None:
    """Padding, batch norm, pooling and flattening cost no neurons of their own."""
    model = sequential(
        *(IMAGE, "ZeroPadding2D(1)", "Conv2D(3, 3, use_bias=False)", BN, "ReLU()", BN, "AveragePooling2D(2)"),
        *("Conv2D(4, 2)", BN, "ReLU()", "MaxPooling2D(2)", "Flatten()", "Dense(5)", BN, "Softmax()"),
    )
    graph = graph_of(model)
    assert [type(node).__name__ for node in graph.nodes] == ["Input", "Neurons", "Neurons", "MaxPool", "Neurons"]


def test_channels_first_turns_nothing_twice() -> None:
    """Between layers of one data format no relay is left."""
    conv = f"Conv2D(3, 2, activation='relu', {FIRST})"
    model = sequential(IMAGE, conv, conv, f"Conv2D(2, 2, {FIRST})")
    relays = [synapse.relays for node in graph_of(model).nodes[2:] for synapse in getattr(node, "synapses", ())]
    assert relays[0] == () and len(relays) == 3


def test_open_shapes_are_given() -> None:
    model = sequential((None, None, 2), "Conv2D(3, 3, padding='same')", "GlobalAveragePooling2D()")
    graph = graph_of(model, shapes={0: (7, 5, 2)})
    frames = drawn(graph)
    np.testing.assert_allclose(outputs(graph, frames)[0], keras_outputs(model, frames)[0], atol=1e-5)
