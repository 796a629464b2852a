"""The neuron rule on vectors: which of eight neurons send, and how many payload units.

    d = f(x) - o;   k = trunc(d / P) where abs(d) >= T
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tfsnn.compiled.kernel import columns as c
from tfsnn.compiled.kernel.lanes import INT, LANES, REAL, WORD, Lanes, cgutils, ir

STATES = ir.VectorType(WORD, LANES)
NONE = ir.Constant(STATES, [0] * LANES)
EXACT = 1 << 21
"""Below, sizes are divided in single precision."""


class Rule:
    """Emits the neuron rule on vectors: which lanes send, and how many units.

    Parameters
    ----------
    on, p
        Where to, and the population's row.
    direct
        For direct quantizers.
    """

    def __init__(self, on: Lanes, p: Any, direct: bool) -> None:
        builder = on.builder
        self.on, self.direct = on, direct
        columns = c.PAYLOAD, c.CHANGE, c.BEYOND, c.FLOOR, c.CEILING
        self.payload, self.least, self.beyond, self.low, self.high = (
            on.splat(builder.trunc(on.column(p, column), WORD)) for column in columns
        )
        one, single = on.splat(WORD(1)), ir.FloatType()
        self.idle, self.last = builder.sub(self.least, one), builder.sub(self.beyond, one)
        self.exact = on.smaller(self.last, on.splat(WORD(EXACT - 1)))
        self.divisor = builder.sitofp(on.column(p, c.PAYLOAD), REAL)
        inverse = builder.fptrunc(builder.fdiv(ir.Constant(REAL, 1.0), self.divisor), single)
        self.inverse, self.half = (on.splat(number) for number in (inverse, builder.fmul(inverse, ir.Constant(single, 0.5))))

    def units(self, change: Any, size: Any, large: Callable[[], Any]) -> Any:
        """change / P, towards 0, where ``size`` is abs(change); ``large`` emits what comes first where some size is no small one, and
        gives the sizes to divide.

        (size + 1/2) / P lies at least 1 / 2P from the next whole numbers. Below 2^21, all errors together, of 24 bits each, are less:
        at most three roundings of 2^-24 of 2^21 / P. Larger sizes are rare, and take the same way in 53 bits.
        """
        on, builder, single = self.on, self.on.builder, ir.VectorType(ir.FloatType(), LANES)
        product = builder.fmul(builder.sitofp(size, single), self.inverse, flags=("contract",))
        units = cgutils.alloca_once_value(builder, NONE)
        builder.store(builder.fptosi(builder.fadd(product, self.half, flags=("contract",)), STATES), units)
        some = on.packed(builder.icmp_signed(">", size, self.exact))
        with builder.if_then(builder.icmp_signed("!=", some, INT(0)), likely=False):
            builder.store(on.routine("large_units", emit_large_units, STATES, (large(), self.divisor)), units)
        return on.signed(builder.load(units), change)

    def change(self, value: Any, o: Any) -> Any:
        """f(x) - o in steps; of direct quantizers, whole payload units of it."""
        on, builder = self.on, self.on.builder
        value = on.smaller(on.larger(value, self.low), self.high)
        if self.direct:
            one, sign = on.splat(WORD(1)), builder.ashr(value, on.splat(WORD(31)))
            down = builder.sub(value, builder.and_(sign, builder.sub(self.payload, one)))
            size = on.size(down)
            value = builder.mul(self.units(down, size, lambda: size), self.payload)
        return builder.sub(value, o)


def emit_large_units(on: Lanes, size: Any, divisor: Any) -> Any:
    """size / P, rounded down, of any sizes."""
    builder, real = on.builder, ir.VectorType(REAL, LANES)
    return builder.fptosi(builder.fdiv(builder.sitofp(size, real), on.splat(divisor)), STATES)
