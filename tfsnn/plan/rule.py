"""The neuron rule in closed form, for the initial state; :meth:`tfsnn.eager.engine.Eager.check` defines it.

Here it is written a second time because the initial state must be the same for both engines, without TensorFlow, and
because the loop would take as many turns as there are payloads. The tests hold it to the loop.
"""

from __future__ import annotations

import numpy as np

from tfsnn.aliases import Integers
from tfsnn.plan.plan import Plan, Population


def fire(plan: Plan, population: Population, value: Integers, sent: Integers) -> tuple[Integers, Integers]:
    """What neurons of value f(x) send in one check: the sum of the neuron rule's loop in closed form.

    With m whole payload units to send, the loop sends m // K full payloads, then what is left if that still reaches T.

    Parameters
    ----------
    plan, population
        Where the neurons stand.
    value, sent
        int64: f(x) in steps; o, what has been sent so far, in payload units.

    Returns
    -------
    int64, int64
        Payload units sent now, signed, and number of events.
    """
    if plan.direct and population.node.requantizes:
        units, least = value // population.payload - sent, 1
    else:
        change = value - sent * population.payload
        units, least = np.sign(change) * (np.abs(change) // population.payload), population.threshold // population.payload
    full, rest = np.divmod(np.abs(units), plan.largest)
    last = rest >= least
    return np.sign(units) * (full * plan.largest + rest * last), full + last
