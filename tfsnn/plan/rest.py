"""Where a network stands that has seen an all-zero input and has settled."""

from __future__ import annotations

from dataclasses import replace

from tfsnn.errors import RangeError
from tfsnn.plan.grid_function import STATE_LIMIT
from tfsnn.plan.plan import Plan, Population, largest_of
from tfsnn.plan.rule import fire


def at_rest(plan: Plan) -> Plan:
    """The plan whose populations start where an all-zero input leaves them, checked once in topological order."""
    settled: list[Population] = []
    for population in plan.populations:
        _check_range(population, settled)
        x = population.accumulated([before.rest_o[None] for before in settled])[0]
        if largest_of(x) >= STATE_LIMIT["float64"]:
            raise RangeError(BEYOND.format(population.name))
        sent = fire(plan, population, population.value(x[None])[0], population.rest_o)[0] if population.threshold else population.rest_o
        settled.append(replace(population, rest_x=x, rest_o=sent))
    return replace(plan, populations=tuple(settled))


def _check_range(population: Population, settled: list[Population]) -> None:
    """RangeError where a sum of 64-bit integers might overflow on the way to the state at rest."""
    growth = sum(path.reach[0] * largest_of(settled[path.source].rest_o) for path in population.paths)
    if largest_of(population.bias) + growth >= 1 << 62:
        raise RangeError(BEYOND.format(population.name))


BEYOND = "plan: {}: the state at rest leaves 2^52 grid steps, where sums stay exact; raise the threshold"
