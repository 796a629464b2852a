"""f on the grid: exact where it can be, else within what the bound of a plan allows; flat or straight beyond its table."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfsnn.errors import InputError, RangeError
from tfsnn.network.ops import ACTIVATIONS, Activation
from tfsnn.plan.grid_function import STATE_LIMIT, TABLE_ENTRIES, lipschitz, on_grid, rounded

WHOLE = st.lists(st.integers(-(1 << 40), 1 << 40), min_size=1, max_size=8)
TABLES = [Activation(kind) for kind in ACTIVATIONS if kind not in ("linear", "relu")] + [
    Activation("elu", alpha=2.5),
    Activation("relu", start=0.75),
]


def names(f: Activation) -> str:
    return f"{f.kind} {f.alpha:g} {f.start:g}"


@given(WHOLE)
def test_identity_and_relu_are_exact(x: list[int]) -> None:
    whole = np.array(x)
    assert on_grid(Activation(), (1,), 0.1, "p")(whole).tolist() == x
    assert on_grid(Activation("relu"), (1,), 0.1, "p")(whole).tolist() == [max(v, 0) for v in x]


@given(WHOLE, st.sampled_from([1 / 8, 0.01, 7.0]))
def test_relu6_stops_at_the_nearest_whole_step(x: list[int], step: float) -> None:
    assert on_grid(Activation("relu", top=6.0), (1,), step, "p")(np.array(x)).tolist() == [min(max(v, 0), round(6 / step)) for v in x]


@given(st.lists(st.integers(-(1 << 30), 1 << 30), min_size=3, max_size=3))
def test_leaky_relu_rounds_below_zero_alone(x: list[int]) -> None:
    plain = on_grid(Activation("relu", slope=0.3), (3,), 0.5, "p")
    assert plain(np.array(x)).tolist() == [v if v >= 0 else round(v * 0.3) for v in x]
    each = on_grid(Activation("relu", slope=(0.5, 0.25, 2.0)), (3,), 0.5, "p")
    assert each(np.array(x)).tolist() == [v if v >= 0 else round(v * s) for v, s in zip(x, (0.5, 0.25, 2.0))]


@pytest.mark.parametrize("f", TABLES, ids=names)
@pytest.mark.parametrize("step", [1.0, 1 / 7, 1e-3, 1e-5])
def test_tables_are_as_near_to_f_as_the_bound_of_a_plan_takes_them_to_be(f: Activation, step: float) -> None:
    grid = on_grid(f, (1,), step, "p")
    x = np.unique(np.rint(np.concatenate([np.linspace(-40, 40, 4001), [0.75, -1e4, 1e4]]) / step).astype(np.int64))
    if f.kind == "relu":
        # Between the two entries around its jump a table is the straight line.
        x = x[np.abs(x * step - f.start) > step * (1 << grid.shift)]
    if f.kind == "softsign":
        x = x[np.abs(x * step) < 512]
    assert np.all(np.abs(grid(x) - f(x * step) / step) <= 2 + (1 << grid.shift))


@pytest.mark.parametrize("f", TABLES, ids=names)
def test_tables_stay_small_however_fine_the_grid(f: Activation) -> None:
    for step in (10.0, 1e-2, 1e-9):
        grid = on_grid(f, (1,), step, "p")
        assert grid.kind == "table" and 2 <= len(grid.table) <= TABLE_ENTRIES + 2


@pytest.mark.parametrize("f", TABLES, ids=names)
def test_tables_rise_where_f_rises(f: Activation) -> None:
    grid = on_grid(f, (1,), 1e-5, "p")
    low, high = grid.low - 50, grid.high + 50
    x = np.unique(np.concatenate([np.arange(low, low + 300), np.arange(high - 300, high), np.linspace(low, high, 9999).astype(np.int64)]))
    rising = np.diff(f(x * 1e-5)) >= 0
    # f rounded to whole steps may step down by one where it is nearly flat, never more.
    assert np.all(np.diff(grid(x))[rising] >= -1)


@pytest.mark.parametrize(
    ("kind", "below", "above"), [("tanh", -100, 100), ("sigmoid", 0, 100), ("hard_tanh", -100, 100), ("hard_sigmoid", 0, 100)]
)
def test_bounded_functions_stay_flat_beyond_the_table(kind: str, below: int, above: int) -> None:
    grid = on_grid(Activation(kind), (1,), 0.01, "p")
    assert grid(np.array([-(1 << 50), grid.low, grid.high, 1 << 50])).tolist() == [below, below, above, above]


@pytest.mark.parametrize("kind", ["elu", "softplus", "silu", "hard_silu", "mish", "gelu", "gelu_tanh"])
def test_functions_that_go_on_go_on_with_slope_one(kind: str) -> None:
    grid = on_grid(Activation(kind), (1,), 0.01, "p")
    far = np.array([grid.high, grid.high + 1, grid.high + 1000, 1 << 50])
    assert (grid(far) - grid(far)[0]).tolist() == (far - grid.high).tolist()


def test_the_shared_table_is_exact_at_its_entries() -> None:
    grid = on_grid(Activation("tanh"), (1,), 1e-5, "p")
    entries = grid.low + (np.arange(len(grid.table) - 1) << grid.shift)
    assert grid.shift > 0
    np.testing.assert_array_equal(grid(entries), grid.table[:-1])


@pytest.mark.parametrize("f", [Activation("relu", slope=0.1, top=6.0), Activation("relu", slope=0.1, start=1.0)])
def test_relu_with_everything_at_once_is_refused(f: Activation) -> None:
    with pytest.raises(InputError, match=r"^plan: ReLU with slope 0.1, top \S+ and start \S+; a slope cannot be combined"):
        on_grid(f, (1,), 0.1, "p")


@pytest.mark.parametrize(
    "f", [Activation(kind) for kind in ACTIVATIONS] + [Activation("relu", slope=-3.0), Activation("elu", alpha=4.0)], ids=names
)
def test_lipschitz_bounds_every_slope(f: Activation) -> None:
    x = np.linspace(-30, 30, 60001)
    assert np.abs(np.diff(f(x)) / np.diff(x)).max() <= lipschitz(f) + 1e-9


def test_rounded_is_the_nearest_whole_number() -> None:
    assert rounded(np.array([-1.4, 0.6, 2.0]), "p", "bias").tolist() == [-1, 1, 2]


@pytest.mark.parametrize("value", [float(STATE_LIMIT["float64"]), -1e300, float("nan"), float("inf")])
def test_numbers_beyond_the_exact_range_are_refused(value: float) -> None:
    with pytest.raises(RangeError, match=r"^plan: first: a weight of \S+ grid steps, at most 2\^52 are allowed; raise the threshold"):
        rounded(np.array([1.0, value]), "first", "weight")
