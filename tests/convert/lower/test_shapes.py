"""Layers that only move values, and those that do nothing: equal to Keras, and free of neurons."""

from __future__ import annotations

from typing import Any

import pytest

from tests.convert_parts import graph_of, lowering_error, problems, record, sequential

FIRST = "data_format='channels_first'"
IMAGE, STEPS = (9, 6, 4), (11, 4)
CASES: dict[tuple[int, ...], tuple[tuple[str, ...], ...]] = {
    IMAGE: (
        ("Flatten()",),
        (f"Flatten({FIRST})",),
        (f"Conv2D(3, 3, activation='relu', {FIRST})", f"Flatten({FIRST})", "Dense(3)"),
        ("Conv2D(3, 2, activation='relu')", f"Flatten({FIRST})"),
        ("ZeroPadding2D()",),
        ("ZeroPadding2D((1, 2))", "Conv2D(3, 3, activation='relu')"),
        ("ZeroPadding2D(((0, 2), (3, 1)))",),
        (f"ZeroPadding2D(((0, 2), (3, 1)), {FIRST})",),
        ("Cropping2D()", "ZeroPadding2D(1)", "ZeroPadding2D(2)"),
        ("ZeroPadding2D(2)", "Cropping2D(((1, 0), (2, 3)))", "Conv2D(3, 2)"),
        ("Cropping2D(((1, 0), (2, 1)))", "ZeroPadding2D(1)"),
        ("Reshape((6, 9, 4))", "Conv2D(3, 3)"),
        ("Conv2D(4, 3, activation='relu')", "Reshape((-1, 8))", "Dense(3)"),
        ("Permute((2, 1, 3))", "Conv2D(3, (3, 2))"),
        ("Conv2D(3, 2)", "Permute((3, 1, 2))", "ReLU()", "Flatten()", "Dense(4)"),
        ("Permute((3, 2, 1))",),
        ("Permute((3, 1, 2))", f"Conv2D(3, 2, {FIRST})", "Permute((2, 3, 1))", "Conv2D(2, 2)"),
        ("Dropout(.5)", "SpatialDropout2D(.3)", "GaussianNoise(.2)", "Conv2D(2, 2)", "Identity()", "ActivityRegularization(.1)"),
        ("RandomFlip()", "RandomContrast(.1)", "Conv2D(2, 2)", "RandomRotation(.1)", "RandomBrightness(.1)"),
    ),
    STEPS: (
        ("ZeroPadding1D((1, 2))",),
        ("ZeroPadding1D(2)", "Cropping1D((0, 1))", "UpSampling1D(3)"),
        ("SpatialDropout1D(.2)", "Permute((2, 1))", "Dense(3)"),
        ("Reshape((11, 2, 2))", "MaxPooling2D((3, 1))", "Reshape((3, 4))", "Conv1D(2, 2)"),
    ),
}
EVERY = [(shape, texts) for shape, group in CASES.items() for texts in group]


@pytest.mark.parametrize(("shape", "texts"), EVERY, ids=[f"{'x'.join(map(str, s))} {' '.join(t)}" for s, t in EVERY])
def test_equals_keras(shape: tuple[int, ...], texts: tuple[str, ...]) -> None:
    assert lowering_error(sequential(shape, *texts)) < 1e-5


def test_nothing_here_costs_neurons() -> None:
    texts = ("Permute((2, 1, 3))", "ZeroPadding2D(1)", "Cropping2D(2)", "Reshape((-1, 8))", "Dropout(.5)", "Flatten()", "Dense(3)")
    model = sequential(IMAGE, *texts)
    assert len(graph_of(model).nodes) == 2


@pytest.mark.parametrize(
    ("name", "config", "message"),
    [
        ("Reshape", {"target_shape": (7, -1)}, "target shape (7, -1) for an input of shape (9, 6, 4); sizes must agree"),
        ("Reshape", {"target_shape": (-1, -1)}, "target shape (-1, -1); expected positive whole numbers, one of them perhaps -1"),
        ("Reshape", {"target_shape": "x"}, "target shape 'x'; expected positive whole numbers"),
        ("Permute", {"dims": (1, 2)}, "dims (1, 2) for an input of shape (9, 6, 4); each axis must appear once, counted from 1"),
        ("Cropping2D", {"cropping": ((5, 4), (0, 0))}, "cropping ((5, 4), (0, 0)) from an image of (9, 6); nothing would be left"),
        ("ZeroPadding2D", {"padding": (1, 2, 3)}, "padding is (1, 2, 3); expected whole numbers from 0 on, one for all sides"),
        ("ZeroPadding2D", {"padding": 1 << 20}, "below 134,217,728 values can be converted: give a smaller input"),
        ("Flatten", {"data_format": "rows"}, "data_format is 'rows'; only 'channels_last' or 'channels_first' can be converted"),
    ],
)
def test_refusals(name: str, config: dict[str, Any], message: str) -> None:
    (found,) = problems(record(IMAGE, (name, config)))
    assert found.startswith("layer 'l0'") and message in found
