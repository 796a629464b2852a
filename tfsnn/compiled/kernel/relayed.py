"""Events rewritten by an index map, where pixels do not lead to pixels: a permutation, say, or a reshape in the middle of a path.

Each event becomes one at every place of the operation's input that shows its neuron. The list may name a pixel, or a channel of it,
more than once: deliveries add.
"""

from __future__ import annotations

import numpy as np

from tfsnn.aliases import Array
from tfsnn.compiled.kernel import columns as c
from tfsnn.compiled.kernel.columns import Number
from tfsnn.compiled.kernel.jit import stage
from tfsnn.compiled.kernel.lists import length_row, list_row, open_events, path_row, population
from tfsnn.compiled.kernel.memory import int32s, int64s


@stage
def relay(context: Array, number: Number) -> Number:
    """Make the list of a path from that of its source."""
    path, events = path_row(context, number), open_events(context)
    source, to = list_row(context, path[c.SOURCE]), list_row(context, path[c.LIST])
    given, made = length_row(context, path[c.SOURCE]), length_row(context, path[c.LIST])
    firsts, pixel_of, channel_of = int64s(context, c.PLACE_FIRST), int32s(context, c.PLACE_PIXEL), int32s(context, c.PLACE_CHANNEL)
    channels, listed, sent, last = population(context, path[c.SOURCE])[c.CHANNELS], 0, 0, -1
    for j in range(source[c.PIXEL_AT], source[c.PIXEL_AT] + given[c.PIXELS_LISTED]):
        neuron = path[c.PLACES] + np.int64(events.pixels[j]) * channels
        for event in range(source[c.EVENT_AT] + events.firsts[j], source[c.EVENT_AT] + events.firsts[j + 1]):
            this = neuron + events.channels[event]
            for place in range(firsts[this], firsts[this + 1]):
                if pixel_of[place] != last:
                    last = pixel_of[place]
                    events.pixels[to[c.PIXEL_AT] + listed], events.firsts[to[c.PIXEL_AT] + listed] = last, sent
                    listed += 1
                at = to[c.EVENT_AT] + sent
                events.channels[at], events.units[at] = channel_of[place], events.units[event]
                if given[c.MANY]:
                    events.times[at] = events.times[event]
                sent += 1
    events.firsts[to[c.PIXEL_AT] + listed] = sent
    made[c.PIXELS_LISTED], made[c.LISTED], made[c.MANY] = listed, sent, given[c.MANY]
    return c.DONE
