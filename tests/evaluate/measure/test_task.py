"""Outputs against targets of every kind, worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.nets import conv, dense
from tests.nets import given as image
from tfsnn.errors import InputError
from tfsnn.evaluate.measure.task import Task, task_of
from tfsnn.network.nodes import Node
from tfsnn.network.ops import Activation, Conv


def flat(units: int, f: str = "linear", softmax: bool = False) -> Node:
    return replace(dense("out", image(4), units, f="linear"), activation=Activation(f), softmax=softmax)


def dense_map(channels: int, f: str = "sigmoid") -> Node:
    return replace(conv("out", image(2, 2, 1), Conv(channels, (1, 1))), activation=Activation(f))


FLOATS = np.float32
CASES: list[tuple[Node, Any, str, float]] = [
    (flat(3), np.array([0, 2]), "classes", 0.5),
    (flat(3, softmax=True), np.array([[0.2, 0.5, 0.3], [1, 0, 0]], FLOATS), "classes", 0.5),
    (flat(1, "sigmoid"), np.array([0, 1]), "binary", 0.5),
    (flat(1), np.array([0, 1]), "binary", 0.0),
    (flat(1), np.array([0, 7]), "values", 0.5),
    (flat(1, "sigmoid"), np.array([0.2, 0.7], FLOATS), "values", 0.5),
    (flat(2), np.array([[0.5, 1], [2, 3]], FLOATS), "values", 0.5),
    (dense_map(1), np.array([[[0, 1], [1, 0]]], FLOATS), "mask", 0.5),
    (dense_map(1, "linear"), np.array([[[[0], [255]], [[255], [0]]]], FLOATS), "mask", 0.0),
    (dense_map(3, "linear"), np.array([[[0, 2], [1, 0]]], FLOATS), "mask", 0.0),
    (dense_map(2, "linear"), np.eye(2, dtype=FLOATS)[[[[0, 1], [1, 0]]]], "mask", 0.0),
    (dense_map(1), np.array([[[[0.5], [1]], [[1], [0]]]], FLOATS), "values", 0.5),
    (dense_map(3), np.zeros((1, 2, 2, 3), FLOATS), "values", 0.5),
]


@pytest.mark.parametrize(("node", "targets", "kind", "level"), CASES)
def test_kinds(node: Node, targets: Any, kind: str, level: float) -> None:
    task, right = task_of(node, targets, "labels of odd")
    assert (task.kind, task.shape) == (kind, node.shape) and len(right) == len(targets)
    if kind in ("binary", "mask"):
        assert task.level == level
    if kind == "mask":
        assert right.dtype == np.int64 and right.max() < task.classes
    if kind == "values":
        assert right.shape == (len(targets), int(np.prod(node.shape)))


def test_masks_as_written() -> None:
    assert task_of(dense_map(1), np.array([[[0, 255], [255, 0]]], FLOATS), "y")[1].tolist() == [[0, 1, 1, 0]]
    assert task_of(dense_map(3), np.array([[[0, 2], [1, 0]]], FLOATS), "y")[1].tolist() == [[0, 2, 1, 0]]


@pytest.mark.parametrize(
    ("node", "targets", "message"),
    [
        (flat(3), np.array([0, 3]), "labels of odd go up to 3, output out of the network has 3 classes, from 0"),
        (flat(1, "sigmoid"), np.array([0, 2]), "go up to 2, output out of the network has 2 classes"),
        (flat(3), np.array([0.5, 1], FLOATS), r"are of shape \(2,\), output out needs \(2, 3\), or a class number a frame"),
        (dense_map(1), np.array([1, 0]), r"are of shape \(2,\), output out needs \(2, 2, 2, 1\)"),
    ],
)
def test_what_does_not_belong(node: Node, targets: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        task_of(node, targets, "labels of odd")


def test_classes() -> None:
    task, outputs, labels = Task("classes", (3,)), np.array([[1.0, 3, 3], [0, 0, 0], [5, 1, 2]]), np.array([1, 1, 0])
    assert task.decided(outputs).tolist() == [1, 0, 0]
    figures = task.figures(outputs, labels)
    assert figures["accuracy"] == 2 / 3 and figures["error"] is None and figures["accuracy_ci95"][0] < 2 / 3
    assert task.constant(labels) == 2 / 3 and task.at_chance(figures, 2 / 3)
    assert task.lost({"accuracy": 0.5}, {"accuracy": 0.75}, labels) == 25


def test_binary() -> None:
    task, labels = Task("binary", (1,), 0.5), np.array([0, 1, 1, 1])
    assert task.figures(np.array([[0.4], [0.6], [0.5], [0.9]]), labels)["accuracy"] == 0.75
    logits = Task("binary", (1,), 0.0)
    assert logits.decided(np.array([[-0.4], [0.1]])).tolist() == [0, 1]


def test_chance_of_many_frames() -> None:
    task, labels = Task("classes", (2,)), np.arange(1000) % 2
    for right, at_chance in ((520, True), (560, False), (480, True)):
        figures = task.figures(np.eye(2)[np.where(np.arange(1000) < right, labels, 1 - labels)], labels)
        assert task.at_chance(figures, task.constant(labels)) is at_chance
    # Nothing can be better than right always.
    assert not task.at_chance({"accuracy_ci95": [0.9, 1.0]}, task.constant(np.ones(9, np.int64)))


def test_values() -> None:
    task, targets = Task("values", (1,)), np.array([[0.0], [2.0], [4.0]])
    figures = task.figures(np.array([[0.0], [2.0], [1.0]]), targets)
    assert (figures["mse"], figures["rmse"], figures["error"]) == (3.0, pytest.approx(3**0.5), 1.0)
    assert figures["r2"] == pytest.approx(1 - 9 / 8) and task.at_chance(figures, task.constant(targets))
    assert task.lost({"rmse": 0.5}, {"rmse": 0.1}, targets) == pytest.approx(10)
    assert task.figures(targets[:1], targets[:1])["r2"] is None
    assert task.summarized(np.array([4.0, 9.0])).tolist() == [2, 3]


def test_masks() -> None:
    task = Task("mask", (2, 2, 1), 0.5)
    targets = np.array([[1, 1, 0, 0], [1, 0, 0, 0]])
    outputs = np.array([[0.9, 0.1, 0.2, 0.8], [0.7, 0.1, 0.1, 0.1]])
    figures = task.figures(outputs, targets)
    assert figures["iou_per_class"] == [4 / 6, 2 / 4] and figures["iou"] == pytest.approx((4 / 6 + 2 / 4) / 2)
    assert figures["pixel_accuracy"] == 6 / 8 and figures["accuracy"] is None
    assert task.scores(outputs, targets).tolist() == [0.5, 1.0]
    assert task.constant(targets) == pytest.approx(5 / 8 / 2) and not task.at_chance(figures, 5 / 16)
    assert task.lost({"iou": 0.5}, {"iou": 0.6}, targets) == pytest.approx(10)


def test_masks_of_several_classes() -> None:
    task = Task("mask", (1, 2, 4))
    outputs, targets = np.array([[9.0, 0, 0, 0, 0, 0, 8, 0]]), np.array([[0, 1]])
    assert task.decided(outputs).tolist() == [[0, 2]]
    # A class that is neither there nor found counts for nothing.
    assert task.figures(outputs, targets)["iou_per_class"] == [1.0, 0.0, 0.0, None]
    assert task.figures(outputs, targets)["iou"] == pytest.approx(1 / 3)
