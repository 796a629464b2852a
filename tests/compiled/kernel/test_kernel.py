"""The hot routines in vectors give what their plain twins give, on drawn numbers up to the ends of their range."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numba import njit

from tfsnn.aliases import Array
from tfsnn.compiled.kernel import columns as c
from tfsnn.compiled.kernel import plain, plain_check, vector
from tfsnn.compiled.kernel.memory import int64s, make_context, shorts, states
from tfsnn.compiled.kernel.proof import NARROW_LIMIT, WIDE_LIMIT
from tfsnn.compiled.paths import interleaved
from tfsnn.plan.grid_function import STATE_LIMIT

config: Any = numba.config
LIMIT, SPARE = 1 << 15, 16
WIDTHS = st.sampled_from([8, 16, 24, 32, 40, 64, 72, 120, 136])
seeds = st.integers(0, 1 << 20)
AXES = np.array([0] * 20 + [0, 40, 7, 0, 9, 3])
"""Room for the taps of fields, and by row and column of three of each where counts begin."""


@njit
def add_rows(x: Any, at: int, w: Any, first: int, stride: int, channels: Any, k: Any, begin: int, end: int, width: int) -> None:
    vector.add_rows(x, at, w, first, stride, channels, k, begin, end, width)


@njit
def add_windows(x: Any, p: Any, path: Any, weights: Any, image: Any, pitch: int, touched: Any, count: int) -> None:
    vector.add_windows(x, p, path, weights, image, pitch, touched, count)


@njit
def add_products(x: Any, at: int, weights: Any, first: int, spread: Any, width: int) -> None:
    vector.add_products(x, at, weights, first, spread, width)


@njit
def clear(images: Any, at: int) -> None:
    vector.clear(images, at)


@njit
def send_points(x: Any, o: Any, p: Any, path: Any, weights: Any, source: Any, count: int, events: Any, at: Any, length: Any) -> Any:
    return vector.send_points(x, o, p, path, weights, source, count, events, at, length)


@njit
def send_fields(
    x: Any, o: Any, p: Any, path: Any, weights: Any, touched: Any, count: int, events: Any, at: Any, length: Any
) -> Any:
    return vector.send_fields(x, o, p, path, weights, touched, count, events, at, length)


@njit
def add_and_test(x: Any, at: int, w: Any, first: int, k: int, width: int, start: Any, where: int, p: Any, hits: Any) -> Any:
    return vector.add_and_test(x, at, w, first, k, width, start, where, p, hits)


@njit
def send(values: Any, start: Any, p: Any, touched: Any, end: int, reached: Any, events: Any, at: Any, length: Any) -> Any:
    return vector.send(values, 0, p[c.CELLS], start, p, touched, 0, end, reached, events, at, length)


@njit
def send_pixels(x: Any, o: Any, p: Any, touched: Any, count: int, reached: Any, events: Any, at: Any, length: Any) -> Any:
    return vector.send_pixels(x, o, p, touched, count, reached, events, at, length)


@njit
def settled(x: Any, o: Any, p: Any, count: int) -> Any:
    return vector.settled(x, o, p, count)


@njit
def summarize(payloads: Any, begin: int, end: int, length: Any) -> Any:
    return vector.summarize(payloads, begin, end, length)


@njit
def highest(x: Any, start: int, stop: int) -> Any:
    return vector.highest(x, start, stop)


@njit
def raise_to(values: Any, x: Any, at: int, width: int) -> None:
    vector.raise_to(values, x, at, width)


@njit
def bits(frame: Any, sent: Any, least: Any, at: int) -> Any:
    word = vector.differs(frame, sent, least, at)
    return word, vector.lowest_bit(word), vector.count_bits(word)


def numbers(rng: np.random.Generator, size: int, limit: int, kind: Any) -> Array:
    """Drawn numbers, some of them at the ends of their range."""
    values = rng.integers(-limit + 1, limit, size)
    ends = rng.random(size) < 0.1
    values[ends] = rng.choice([-limit + 1, limit - 1], int(ends.sum()))
    return values.astype(kind)


@given(seeds, WIDTHS, st.integers(0, 9))
def test_rows_of_pairs_add_up(seed: int, width: int, events: int) -> None:
    rng = np.random.default_rng(seed)
    w, k = numbers(rng, 12 * width + SPARE, LIMIT, np.int16), numbers(rng, events + 2, 1 << 10, np.int16)
    channels = np.sort(rng.choice(11, events + 2)).astype(np.int32)
    x = numbers(rng, width + 5 + SPARE, 1 << 20, np.int32)
    expected = x.copy()
    arguments = (5, w, 3, width, channels, k, 1, 1 + events, width)
    add_rows(x, *arguments)
    plain.add_rows(expected, *arguments)
    np.testing.assert_array_equal(x, expected)


def test_the_ends_of_16_bits_do_not_overflow_a_pair() -> None:
    """32767^2 twice is still below 2^31; the sum of the two products is formed in 32 bits."""
    w, k = np.full(64, LIMIT - 1, np.int16), np.full(2, LIMIT - 1, np.int16)
    x = np.zeros(32, np.int32)
    add_rows(x, 0, w, 0, 32, np.array([0, 1], np.int32), k, 0, 2, 32)
    assert (x == 2 * (LIMIT - 1) ** 2).all()


@given(seeds, WIDTHS, st.integers(0, 9), st.integers(1, 3), st.integers(1, 5))
def test_windows_add_up(seed: int, width: int, targets: int, rows: int, pairs: int) -> None:
    rng = np.random.default_rng(seed)
    p, path = np.zeros(c.POPULATION_WIDTH, np.int64), np.zeros(c.PATH_WIDTH, np.int64)
    p[[c.X, c.CELLS, c.WIDTH]] = 2, width, 3
    weights = numbers(rng, 3 + 2 * rows * pairs * width, LIMIT, np.int16)
    across, down, pitch = (int(rng.integers(low, 20)) for low in (0, 0, 2 * pairs))
    path[[c.FIELD, c.FIELD_START, c.FIELD_DOWN, c.FIELD_ACROSS, c.FIELD_ROWS, c.FIELD_PAIRS]] = 3, 1, down, across, rows, pairs
    image = numbers(rng, 2 + 2 * across + 4 * down + rows * pitch, 1 << 8, np.int16)
    x = numbers(rng, 2 + 15 * width, 1 << 20, np.int32)
    expected, touched = x.copy(), np.sort(rng.choice(15, targets, replace=False)).astype(np.int32)
    arguments = p, path, weights, image, pitch, touched, targets
    add_windows(x, *arguments)
    plain.add_windows(expected, *arguments)
    np.testing.assert_array_equal(x, expected)


@given(seeds, WIDTHS)
def test_products_add_up(seed: int, width: int) -> None:
    rng = np.random.default_rng(seed)
    kinds = (LIMIT, np.int16), (1 << 10, np.int32), (1 << 20, np.int32)
    weights, spread, x = (numbers(rng, width + 4, limit, kind) for limit, kind in kinds)
    expected = x.copy()
    add_products(x, 2, weights, 3, spread, width)
    plain.add_products(expected, 2, weights, 3, spread, width)
    np.testing.assert_array_equal(x, expected)


def test_eight_numbers_are_cleared() -> None:
    images = np.arange(1, 20, dtype=np.int16)
    clear(images, 5)
    assert np.flatnonzero(images == 0).tolist() == [5, 6, 7, 8, 9, 10, 11, 12]


def rule(rng: np.random.Generator, *, direct: bool, words: int, channels: int) -> Array:
    """A population's row: thresholds from one step on, ReLUs with and without a top, payloads that do not fit."""
    p = np.zeros(c.POPULATION_WIDTH, np.int64)
    payload = int(rng.choice([1, 3, 16, 1000, 1 << 20]))
    least = 1 if direct else int(rng.choice([1, 16]))
    p[c.PAYLOAD], p[c.LEAST], p[c.LARGEST], p[c.DIRECT] = payload, least, 32767 if least > 1 else int(rng.choice([1, 127, 32767])), direct
    p[c.CHANGE] = 1 if direct else payload * least
    p[c.FLOOR], p[c.CEILING] = (0, int(rng.choice([100, (1 << 31) - 1]))) if rng.random() < 0.5 else (-(1 << 31), (1 << 31) - 1)
    most = 32767 // int(p[c.LARGEST]) * int(p[c.LARGEST])
    p[c.BEYOND] = min((most + 1) * payload, (1 << 31) - 1)
    p[c.CHANNELS], p[c.CELLS], p[c.WORDS], p[c.O], p[c.REACH] = channels, -(-channels // 8) * 8, words, 4, 1
    # Rows of three pixels, and an image with a pixel of border on the left.
    p[c.WIDTH], p[c.IMAGE], p[c.IMAGE_CELLS], p[c.PITCH] = 3, 5 + p[c.CELLS], p[c.CELLS], 4 * p[c.CELLS]
    p[c.COUNT_ROWS], p[c.COUNT_COLUMNS], p[c.COUNT_AT] = len(AXES) - 6, len(AXES) - 3, 2
    return p


def lists(events: int, pixels: int, images: int) -> plain.Events:
    """Room for lists."""
    return plain.Events(
        np.zeros(pixels, np.int32), np.zeros(pixels, np.int32), np.zeros(events, np.int32), np.zeros(events, np.int16),
        np.zeros(events, np.int64), np.zeros(images, np.int16), np.arange(1, 200, dtype=np.int32), AXES,
    )  # fmt: skip


def kept(events: plain.Events, at: Array, length: Array) -> list[Array]:
    """What a list holds, and all images."""
    first, pixel, sent, listed = at[c.EVENT_AT], at[c.PIXEL_AT], length[c.LISTED], length[c.PIXELS_LISTED]
    rows = [part[first : first + sent] for part in (events.channels, events.units)]
    return [*rows, events.pixels[pixel : pixel + listed], events.firsts[pixel : pixel + listed + 1], events.images]


@given(seeds, st.booleans(), st.booleans(), st.sampled_from([3, 8, 24, 70]))
def test_sending(seed: int, direct: bool, fine: bool, channels: int) -> None:
    rng = np.random.default_rng(seed)
    p = rule(rng, direct=direct, words=-(-channels // 64) if fine else 0, channels=channels)
    cells, pixels = int(p[c.CELLS]), 5
    inside = np.tile(np.arange(cells) < channels, pixels)
    size = int(rng.choice([100, 1 << 20, NARROW_LIMIT]))
    x = np.where(inside, numbers(rng, pixels * cells, size, np.int32), 0).astype(np.int32)
    start = np.zeros(4 + pixels * cells, np.int32)
    units = numbers(rng, pixels * cells, max(2, size // int(p[c.PAYLOAD])), np.int64)
    start[4:] = np.where(inside & (rng.random(pixels * cells) < 0.5), units * p[c.PAYLOAD], 0)
    reached = numbers(rng, 1 + 2 * pixels, 1 << 62, np.int64)
    if fine:
        # Bits beyond the last channel are never set.
        rows = reached[1 : 1 + pixels * int(p[c.WORDS])].reshape(pixels, -1)
        rows[:, -1] &= (1 << (channels - 64 * (rows.shape[1] - 1))) - 1
    touched = np.array([0, 2, 4], np.int32)
    found = []
    for routine in (send, None):
        o, length = start.copy(), np.zeros(c.LENGTH_WIDTH, np.int64)
        room = 2 + 3 * channels + 8
        events, at = lists(room, 8, 5 + 13 * cells), np.array([1, 2])
        if routine is not None:
            unfit = routine(x, o, p, touched, 3, reached, events, at, length)
        else:
            unfit = plain_check.send(x, 0, cells, o, p, touched, 0, 3, reached, events, at, length)
        found.append((bool(unfit), o, length, *kept(events, at, length)))
    for one, other in zip(*found):
        np.testing.assert_array_equal(one, other)


@given(seeds, st.booleans(), st.sampled_from([0, 0.05, 0.5]), st.sampled_from([3, 8, 24, 70, 136]))
def test_sending_whole_pixels(seed: int, direct: bool, share: float, channels: int) -> None:
    """Of some of them a share of the channels is reached alone, and the others have nothing to send."""
    rng = np.random.default_rng(seed)
    p = rule(rng, direct=direct, words=-(-channels // 64) if share else 0, channels=channels)
    cells, pixels, at = int(p[c.CELLS]), 5, np.array([1, 2])
    inside = np.tile(np.arange(cells) < channels, pixels)
    reached = np.zeros(1, np.int64)
    if share:
        inside &= rng.random(pixels * cells) < share
        bits = np.pad(inside.reshape(pixels, cells), [(0, 0), (0, 64 * int(p[c.WORDS]) - cells)])
        reached = np.append(0, np.packbits(bits, bitorder="little").view(np.int64))
    size = int(rng.choice([100, 1 << 20, NARROW_LIMIT]))
    x = np.where(inside, numbers(rng, pixels * cells, size, np.int32), 0).astype(np.int32)
    found = []
    for routine in (send_pixels, plain_check.send_pixels):
        o, length = np.zeros(4 + pixels * cells, np.int32), np.zeros(c.LENGTH_WIDTH, np.int64)
        events = lists(2 + 3 * channels + 8, 8, 5 + 13 * cells)
        unfit = routine(x, o, p, np.array([0, 2, 4], np.int32), 3, reached, events, at, length)
        found.append((bool(unfit), o, length, *kept(events, at, length)))
    for one, other in zip(*found):
        np.testing.assert_array_equal(one, other)


@given(seeds, st.integers(1, 1 << 22), st.booleans())
def test_changes_near_whole_payload_units(seed: int, payload: int, direct: bool) -> None:
    # From 2^21 on they are divided in another way.
    rng, found = np.random.default_rng(seed), []
    p, at, touched = rule(rng, direct=direct, words=0, channels=64), np.array([1, 2]), np.array([0, 1], np.int32)
    p[c.PAYLOAD] = payload
    p[c.CHANGE], p[c.BEYOND] = 1 if direct else payload * int(p[c.LEAST]), min(32768 * payload, (1 << 31) - 1)
    p[c.FLOOR], p[c.CEILING] = -(1 << 31), (1 << 31) - 1
    size = int(rng.choice([1 << 20, 1 << 21, 1 << 22, 1 << 30]))
    units = np.minimum(rng.integers(0, size // payload + 2, 128), (1 << 30) // payload)
    x = (rng.choice([-1, 1], 128) * (units * payload + rng.integers(-1, 2, 128))).astype(np.int32)
    for routine in (send_pixels, plain_check.send_pixels):
        o, length, events = np.zeros(4 + 128, np.int32), np.zeros(c.LENGTH_WIDTH, np.int64), lists(200, 8, 5 + 13 * 64)
        unfit = routine(x, o, p, touched, 2, np.zeros(1, np.int64), events, at, length)
        found.append((bool(unfit), o, length, *kept(events, at, length)))
    for one, other in zip(*found):
        np.testing.assert_array_equal(one, other)


@given(seeds, st.booleans(), st.sampled_from([8, 64]))
def test_nothing_to_send(seed: int, direct: bool, cells: int) -> None:
    rng = np.random.default_rng(seed)
    p = rule(rng, direct=direct, words=0, channels=cells)
    x = numbers(rng, cells, 1 << 20, np.int32)
    o = np.zeros(4 + cells, np.int32)
    # Near to f(x), or exactly as far as is just not sent; or, now and then, further.
    shown = np.clip(x.astype(np.int64), p[c.FLOOR], p[c.CEILING])
    o[4:] = shown // p[c.PAYLOAD] * p[c.PAYLOAD] if direct else shown - rng.integers(1 - p[c.CHANGE], p[c.CHANGE], cells)
    assert settled(x, o, p, cells) and plain_check.settled(x, o, p, cells)
    o[4 + rng.integers(cells)] += p[c.PAYLOAD] * p[c.LEAST] * 2
    assert not settled(x, o, p, cells) and not plain_check.settled(x, o, p, cells)


@given(seeds, st.booleans(), st.sampled_from([3, 16, 24, 70]))
def test_summing_up_points_and_sending(seed: int, direct: bool, channels: int) -> None:
    rng = np.random.default_rng(seed)
    p, path = rule(rng, direct=direct, words=0, channels=channels), np.zeros(c.PATH_WIDTH, np.int64)
    cells, source, at = int(p[c.CELLS]), np.array([9, 400]), np.array([1, 2])
    weights = np.pad(numbers(rng, 7 * channels, LIMIT, np.int16).reshape(7, channels), [(0, 0), (0, cells - channels)]).reshape(-1)
    x = np.pad(numbers(rng, 6 * channels, 1 << 20, np.int32).reshape(6, -1), [(0, 0), (0, cells - channels)]).reshape(-1)
    found = []
    for routine in (send_points, plain_check.send_points):
        events, length = lists(440, 20, 5 + 13 * cells), np.zeros(c.LENGTH_WIDTH, np.int64)
        o, states = np.zeros(4 + 6 * cells, np.int32), x.copy()
        events.pixels[9:12], events.firsts[9:13] = [0, 2, 5], [0, 1, 4, 6]
        events.channels[400:406], events.units[400:406] = [3, 0, 1, 6, 2, 5], [7, -300, 1, 5, 1000, -1000]
        unfit = routine(states, o, p, path, weights, source, 3, events, at, length)
        found.append((bool(unfit), states, o, length, *kept(events, at, length)))
    for one, other in zip(*found):
        np.testing.assert_array_equal(one, other)


@given(seeds, st.booleans(), st.sampled_from([3, 16, 24, 70]), st.sampled_from([2, 4, 9, 10]))
def test_summing_up_fields_and_sending(seed: int, direct: bool, channels: int, window: int) -> None:
    rng = np.random.default_rng(seed)
    p, path = rule(rng, direct=direct, words=-(-channels // 64), channels=channels), np.zeros(c.PATH_WIDTH, np.int64)
    cells, at, taps = int(p[c.CELLS]), np.array([1, 2]), window + window % 2
    inside = np.arange(cells) < channels
    # Of an odd number of taps the last one is there twice, once with weights of 0.
    weight = numbers(rng, taps * cells, LIMIT, np.int64).reshape(taps, cells) * inside * (np.arange(taps) < window)[:, None]
    weights = interleaved(weight).reshape(-1).astype(np.int16)
    places = rng.integers(0, 5, taps)
    if window == 9:
        places, path[c.FIELD_NINE] = np.array([0, 1, 2, 2, 3, 4, 4, 5, 6, 0]), 1
    image = numbers(rng, 24 * cells, 1 << 9, np.int16) * (rng.random(24 * cells) < 0.3) * np.tile(inside, 24)
    axes = np.concatenate([[99], places * cells, np.zeros(19 - taps, np.int64), AXES[20:]])
    path[[c.FIELD_TAPS, c.FIELD_PAIRS, c.FIELD_START, c.FIELD_DOWN, c.FIELD_ACROSS]] = 1, taps // 2, 5 + 13 * cells, 6 * cells, cells
    x = np.where(np.tile(inside, 6), numbers(rng, 6 * cells, 1 << 20, np.int32), 0).astype(np.int32)
    found = []
    for routine in (send_fields, plain_check.send_fields):
        events, length = lists(440, 20, 5 + 37 * cells), np.zeros(c.LENGTH_WIDTH, np.int64)
        o, states = np.zeros(4 + 6 * cells, np.int32), x.copy()
        events.images[5 + 13 * cells :] = image
        events = events._replace(axes=axes)
        unfit = routine(states, o, p, path, weights, np.array([1, 2, 5], np.int32), 3, events, at, length)
        found.append((bool(unfit), states, o, length, *kept(events, at, length)))
    for one, other in zip(*found):
        np.testing.assert_array_equal(one, other)


@given(seeds, WIDTHS)
def test_adding_one_event_and_testing(seed: int, width: int) -> None:
    rng = np.random.default_rng(seed)
    p = rule(rng, direct=False, words=0, channels=width)
    x, start = (numbers(rng, width + 4, 1 << 22, np.int32) for _ in range(2))
    w, k = numbers(rng, width + 3, LIMIT, np.int16), int(rng.choice([-LIMIT + 1, LIMIT - 1, *rng.integers(-999, 1000, 4)]))
    expected, hits, wanted = x.copy(), numbers(rng, -(-width // 64), 1 << 60, np.int64), numbers(rng, -(-width // 64), 1 << 60, np.int64)
    found = add_and_test(x, 4, w, 3, k, width, start, 2, p, hits)
    assert found == plain.add_and_test(expected, 4, w, 3, k, width, start, 2, p, wanted)
    np.testing.assert_array_equal(x, expected)
    np.testing.assert_array_equal(hits, wanted)


@given(seeds, st.integers(0, 40))
def test_what_a_list_adds_up_to(seed: int, count: int) -> None:
    payloads = numbers(np.random.default_rng(seed), count + 3, LIMIT, np.int16)
    length, expected = np.zeros((2, c.LENGTH_WIDTH), np.int64)
    assert summarize(payloads, 2, 2 + count, length) == plain.summarize(payloads, 2, 2 + count, expected)
    np.testing.assert_array_equal(length, expected)


@given(seeds, WIDTHS)
def test_the_highest_and_the_higher(seed: int, width: int) -> None:
    rng = np.random.default_rng(seed)
    x, values = numbers(rng, width + 8, NARROW_LIMIT, np.int32), numbers(rng, width, NARROW_LIMIT, np.int32)
    assert highest(x, 8, 8 + width) == np.abs(x[8:]).max() == plain.highest(x, 8, 8 + width)
    expected = np.maximum(values, x[3 : 3 + width])
    raise_to(values, x, 3, width)
    np.testing.assert_array_equal(values, expected)


@given(seeds, st.integers(1, 255), st.integers(1, 5))
def test_bytes_that_differ(seed: int, lowest_least: int, channels: int) -> None:
    rng = np.random.default_rng(seed)
    least = np.resize(rng.integers(lowest_least, 256, channels), 128).astype(np.uint8)
    frame, sent = rng.integers(0, 256, (2, 128)).astype(np.uint8)
    sent[rng.random(128) < 0.5] = frame[0]
    word, lowest, count = bits(frame, sent, least, 64)
    expected = plain.differs(frame, sent, least, 64)
    assert word % (1 << 64) == expected and count == bin(expected).count("1")
    assert not expected or lowest == (expected & -expected).bit_length() - 1


@pytest.mark.parametrize(("narrow", "state", "short"), [(True, np.int32, np.int16), (False, np.int64, np.int64)])
def test_the_context_says_how_wide_states_are(narrow: bool, state: Any, short: Any) -> None:
    """Opened as Python does; what is compiled opens the same, or no other test here would pass."""
    arrays = {0: np.arange(3, dtype=state), 1: np.arange(5, dtype=short), 2: np.arange(2)}
    context = make_context(arrays, narrow)
    if config.DISABLE_JIT:
        assert [a.tolist() for a in (states(context, 0), shorts(context, 1), int64s(context, 2))] == [[0, 1, 2], [0, 1, 2, 3, 4], [0, 1]]
    assert context.dtype == (np.int64 if narrow else np.uint64) and context[1::2].tolist() == [3, 5, 2]


def test_the_limits_are_the_plans() -> None:
    assert (NARROW_LIMIT, WIDE_LIMIT) == (STATE_LIMIT["int32"], STATE_LIMIT["int64"])
