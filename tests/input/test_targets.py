"""Labels however they are written; numbers to be met stay what they are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tfsnn.input.targets import targets

CLASSES = np.array([2, 0, 1])


@pytest.mark.parametrize(
    "y",
    [CLASSES, CLASSES.astype(np.uint8), CLASSES[:, None], CLASSES.astype(np.float32), np.eye(3)[CLASSES], np.eye(3, dtype=bool)[CLASSES]],
)
def test_class_numbers(y: Any) -> None:
    found = targets(y, 3, "y")
    assert found.dtype == np.int64 and found.tolist() == [2, 0, 1]


@pytest.mark.parametrize("y", [np.array([0.5, 1, 2]), np.array([-1.0, 0, 1]), np.ones((3, 2)), np.zeros((3, 4, 4, 1), np.uint8)])
def test_numbers_and_masks(y: Any) -> None:
    found = targets(y, 3, "y")
    assert found.dtype == np.float32 and np.array_equal(found, y)
