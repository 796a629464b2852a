"""How an output is judged: by the kind of its target, which says what right means and how the result is called.

=========  ==========================================================  ==================================================
kind       target                                                      measures, the first of them the one that decides
=========  ==========================================================  ==================================================
classes    the number of a class                                       accuracy: the largest of several units
binary     0 or 1, of a single unit                                    accuracy: above one half, or above 0 without sigmoid
values     numbers to be met                                           rmse, mse, r2, error (mean absolute)
mask       a class for each pixel                                      iou (mean over classes), of each class, pixel accuracy
=========  ==========================================================  ==================================================
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfsnn.aliases import Floats, Integers
from tfsnn.errors import InputError
from tfsnn.network.nodes import Node

from .score import Accuracy, share

MEASURES = {"classes": "accuracy", "binary": "accuracy", "values": "rmse", "mask": "iou"}
"""By kind, the measure that decides."""


@dataclass(frozen=True)
class Task:
    """What is asked of one output.

    Parameters
    ----------
    kind
        One of :data:`MEASURES`.
    shape
        Of the output.
    level
        A single unit or channel says yes above it.
    """

    kind: str
    shape: tuple[int, ...]
    level: float = 0.5

    @property
    def measure(self) -> str:
        """The measure that decides."""
        return MEASURES[self.kind]

    @property
    def classes(self) -> int:
        """How many classes there are, of each frame or pixel; 0 of values."""
        return 0 if self.kind == "values" else max(2, self.shape[-1])

    def decided(self, outputs: Floats) -> Integers:
        """int64 (samples) or, of a mask, (samples, pixels): the class that outputs (samples, units) name; of equal ones the first."""
        channels = self.shape[-1] if self.kind == "mask" else outputs.shape[1]
        # Numbers of rows and of pixels by hand: there may be no sample.
        rows = outputs.reshape(len(outputs), outputs.shape[1] // channels, channels)
        found = rows[..., 0] > self.level if channels == 1 else rows.argmax(axis=-1)
        return np.asarray(found if self.kind == "mask" else found[:, 0], np.int64)

    def scores(self, outputs: Floats, targets: NDArray[Any]) -> Floats:
        """float64 (samples): 1 or 0 for right or wrong, the share of right pixels, or the mean squared error."""
        if self.kind == "values":
            return np.asarray(np.mean((outputs - targets) ** 2, axis=1), np.float64)
        right = self.decided(outputs) == targets
        return np.asarray(right.mean(axis=1) if self.kind == "mask" else right, np.float64)

    def summarized(self, mean: Any) -> Any:
        """The measure that decides, from a mean of :meth:`scores`; not for masks, whose measure is no mean."""
        return np.sqrt(np.maximum(mean, 0)) if self.kind == "values" else mean

    def figures(self, outputs: Floats, targets: NDArray[Any]) -> dict[str, Any]:
        """All measures of outputs (samples, units); ``accuracy`` and ``error`` stand in all, None where they do not apply."""
        found: dict[str, Any] = {"accuracy": None, "accuracy_ci95": None, "error": None}
        if self.kind == "values":
            return found | _of_values(outputs, targets)
        if self.kind == "mask":
            return found | _of_masks(self.decided(outputs), targets, self.classes)
        return found | _of_share(share(float(self.scores(outputs, targets).sum()), len(targets)))

    def constant(self, targets: NDArray[Any]) -> float:
        """The measure that decides, of the best answer that is always the same: the commonest class, or the mean."""
        if self.kind == "values":
            return float(np.sqrt(np.mean((targets - targets.mean(axis=0)) ** 2)))
        common = int(np.bincount(targets.reshape(-1)).argmax())
        if self.kind == "mask":
            return float(_of_masks(np.full_like(targets, common), targets, self.classes)["iou"])
        return float(np.mean(targets == common))

    def at_chance(self, figures: dict[str, Any], constant: float) -> bool:
        """Whether an answer that is always the same does as well, as far as so many samples can tell."""
        if self.kind == "values":
            return bool(figures["rmse"] >= constant)
        # Where all targets are alike, to be right always is all that can be asked.
        if constant == 1:
            return False
        return bool((figures["iou"] if self.kind == "mask" else figures["accuracy_ci95"][0]) <= constant)

    def lost(self, figures: dict[str, Any], first: dict[str, Any], targets: NDArray[Any]) -> float:
        """In points (hundredths), how much less than another result's: of accuracy or IoU; of values, rmse by their range."""
        if self.kind == "values":
            extent = float(np.ptp(targets)) or 1.0
            return float(100 * (figures["rmse"] - first["rmse"]) / extent)
        return float(100 * (first[self.measure] - figures[self.measure]))


def task_of(node: Node, targets: NDArray[Any], where: str) -> tuple[Task, NDArray[Any]]:
    """How an output is judged against these targets, and the targets in the form that :class:`Task` takes.

    Parameters
    ----------
    node
        The output.
    targets
        As of :func:`tfsnn.input.targets.targets`.
    where
        What they are, for messages.

    Raises
    ------
    InputError
        If they do not belong to such an output.
    """
    shape = node.shape
    if prod(shape[:-1]) > 1:
        classes = _pixel_classes(shape, targets)
        if classes is not None:
            return Task("mask", shape, _level(node)), classes
    elif targets.ndim == 1 and targets.dtype.kind == "i":
        single = _of_labels(node, targets, where)
        if single is not None:
            return single, targets
    elif prod(shape) > 1 and targets.shape[1:] == (prod(shape),) and node.softmax:
        # Shares of several classes: the largest one is right.
        return Task("classes", shape), np.argmax(targets, axis=1).astype(np.int64)
    if prod(targets.shape[1:]) != prod(shape):
        expected = f"({len(targets)}, {', '.join(map(str, shape))})"
        found = f"{where} are of shape {targets.shape}, output {node.name} needs {expected}"
        raise InputError(f"evaluate: {found}, or a class number a frame where it names classes; give targets of that shape")
    return Task("values", shape), np.asarray(targets, np.float64).reshape(len(targets), -1)


def _of_labels(node: Node, labels: NDArray[Any], where: str) -> Task | None:
    units, highest = prod(node.shape), int(labels.max(initial=0))
    if units == 1 and not _sigmoid(node) and highest > 1:
        return None
    if highest >= max(2, units):
        raise InputError(
            f"evaluate: {where} go up to {highest}, output {node.name} of the network has {max(2, units)} classes, from 0; "
            "evaluate on the data it was trained for"
        )
    return Task("classes", node.shape) if units > 1 else Task("binary", node.shape, _level(node))


def _pixel_classes(shape: tuple[int, ...], targets: NDArray[Any]) -> NDArray[np.int64] | None:
    """int64 (samples, pixels): the class of each pixel, where that is what targets are."""
    channels, given = shape[-1], targets.shape[1:]
    if np.any(targets != np.rint(targets)) or targets.min(initial=0) < 0:
        return None
    if channels > 1 and given == shape and np.all((targets == 0) | (targets == 1)) and np.all(targets.sum(axis=-1) == 1):
        classes: NDArray[np.int64] = targets.argmax(axis=-1).reshape(len(targets), -1).astype(np.int64)
        return classes
    if given not in (shape[:-1], (*shape[:-1], 1)):
        return None
    flat = targets.reshape(len(targets), -1)
    # Masks are often stored as 0 and 255.
    if channels == 1 and flat.size and len(np.unique(flat)) <= 2 and flat.min() == 0:
        return (flat > 0).astype(np.int64)
    return flat.astype(np.int64) if flat.max(initial=0) < channels else None


def _sigmoid(node: Node) -> bool:
    return "sigmoid" in node.activation.kind


def _level(node: Node) -> float:
    return 0.5 if _sigmoid(node) else 0.0


def _of_share(found: Accuracy) -> dict[str, Any]:
    return {"accuracy": found.value, "accuracy_ci95": [found.low, found.high]}


def _of_values(outputs: Floats, targets: NDArray[Any]) -> dict[str, Any]:
    mse, variance = float(np.mean((outputs - targets) ** 2)), float(np.mean((targets - targets.mean(axis=0)) ** 2))
    r2 = 1 - mse / variance if variance else None
    return {"rmse": float(np.sqrt(mse)), "mse": mse, "r2": r2, "error": float(np.mean(np.abs(outputs - targets)))}


def _of_masks(found: Integers, targets: NDArray[Any], classes: int) -> dict[str, Any]:
    """Intersection over union, over all pixels of all frames; of a class that is nowhere, neither found nor right, None."""
    pairs = np.bincount((targets * classes + found).reshape(-1), minlength=classes * classes).reshape(classes, classes)
    both = np.diag(pairs).astype(np.float64)
    either = pairs.sum(axis=0) + pairs.sum(axis=1) - both
    each = [float(inside / union) if union else None for inside, union in zip(both, either)]
    known = [value for value in each if value is not None]
    return {"iou": float(np.mean(known)), "iou_per_class": each, "pixel_accuracy": float(both.sum() / pairs.sum())}
