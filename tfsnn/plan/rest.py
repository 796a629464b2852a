"""Where a network stands that has seen an all-zero input and has settled."""

from __future__ import annotations

from dataclasses import replace

from tfsnn.plan.plan import Plan, Population
from tfsnn.plan.rule import fire


def at_rest(plan: Plan) -> Plan:
    """The plan whose populations start where an all-zero input leaves them, checked once in topological order."""
    settled: list[Population] = []
    for population in plan.populations:
        x = population.accumulated([before.rest_o[None] for before in settled])[0]
        sent = fire(plan, population, population.value(x[None])[0], population.rest_o)[0] if population.threshold else population.rest_o
        settled.append(replace(population, rest_x=x, rest_o=sent))
    return replace(plan, populations=tuple(settled))
