"""The neuron rule in closed form, for the initial state."""

from __future__ import annotations

import numpy as np

from tfsnn.aliases import Integers
from tfsnn.network.nodes import Neurons
from tfsnn.plan.plan import Plan, Population


def fire(plan: Plan, population: Population, value: Integers, told: Integers) -> tuple[Integers, Integers]:
    """What neurons of value f(x) send in one check: the sum of the neuron rule's loop in closed form.

    With m whole payload units to tell, the loop sends m // K full payloads, then what is left if that still reaches T.

    Parameters
    ----------
    plan, population
        Where the neurons stand.
    value, told
        int64: f(x) in steps, o in payload units.

    Returns
    -------
    int64, int64
        Payload units sent, signed, and number of events.
    """
    if plan.direct and isinstance(population.node, Neurons):
        units, least = value // population.payload - told, 1
    else:
        change = value - told * population.payload
        units, least = np.sign(change) * (np.abs(change) // population.payload), population.threshold // population.payload
    full, rest = np.divmod(np.abs(units), plan.largest)
    last = rest >= least
    return np.sign(units) * (full * plan.largest + rest * last), full + last
