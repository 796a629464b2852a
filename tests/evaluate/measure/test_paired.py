"""The exact McNemar test against probabilities that are known."""

from __future__ import annotations

from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfsnn.evaluate.measure.paired import paired, two_sided


@pytest.mark.parametrize(
    ("fewer", "tosses", "p"), [(0, 0, 1.0), (0, 1, 1.0), (1, 7, 0.125), (0, 6, 0.03125), (5, 10, 1.0), (10, 40, 0.0022)]
)
def test_known(fewer: int, tosses: int, p: float) -> None:
    assert two_sided(fewer, tosses) == pytest.approx(p, abs=5e-5)


@given(st.integers(0, 60), st.integers(0, 60))
def test_sum_of_binomials(fewer: int, more: int) -> None:
    fewer, tosses = min(fewer, more), fewer + more
    assert two_sided(fewer, tosses) == pytest.approx(min(1.0, 2 * sum(comb(tosses, k) for k in range(fewer + 1)) / 2**tosses))


def test_many_tosses() -> None:
    assert two_sided(4900, 10000) == pytest.approx(0.0466, abs=1e-4) and two_sided(0, 5000) == 0.0


def test_pairs() -> None:
    first, second = np.array([True, True, False, False, True]), np.array([True, False, True, False, False])
    found = paired(first, second)
    assert (found.only_first, found.only_second, found.p) == (2, 1, 1.0)
    assert paired(second, first).only_first == 1
