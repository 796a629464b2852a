"""Where a network stands that has seen an all-zero input and has settled."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tfsnn.aliases import Integers
from tfsnn.network.forward import gathered, linear
from tfsnn.network.nodes import MaxPool
from tfsnn.plan.plan import Plan, Population
from tfsnn.plan.rule import fire


def at_rest(plan: Plan) -> Plan:
    """The plan whose populations start where an all-zero input leaves them, checked once in topological order."""
    settled: list[Population] = []
    for population in plan.populations:
        x = population.bias.copy()
        if isinstance(population.node, MaxPool):
            heard = settled[population.source]
            x = gathered(heard.rest_o[None], population.index)[0]
            value = highest(population, x)
        else:
            for path in population.paths:
                x += linear(path.op, path.weight, gathered(settled[path.source].rest_o[None], path.index), path.shape)[0]
            value = population.function(x)
        told = fire(plan, population, value, population.rest_o)[0] if population.threshold else population.rest_o
        settled.append(replace(population, rest_x=x, rest_o=told))
    return replace(plan, populations=tuple(settled))


def highest(population: Population, heard: Integers) -> Integers:
    """Maximum over each window of what a max-pooling population has heard."""
    padded = np.append(heard, np.iinfo(np.int64).min)
    highest: Integers = padded[population.windows].max(axis=1)
    return highest
