"""Encoders: frames and events are two views of one thing, bright comes first, and bad input has its message."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from tests.nets import events as made
from tfsnn.errors import InputError
from tfsnn.input.encoder import Delay, Delta, Encoder, Graded
from tfsnn.input.events import Events

PIXELS = arrays(np.uint8, st.tuples(st.integers(1, 4), st.integers(1, 3), st.integers(1, 3)))


def received(events: Events, encoder: Encoder) -> NDArray[np.float32]:
    """What the events of each sample add up to, as frames."""
    total = np.zeros((events.samples, int(np.prod(events.shape))))
    np.add.at(total, (np.repeat(np.arange(events.samples), np.diff(events.offsets)), events.neuron), events.payload)
    return (total * encoder.unit_value).astype(np.float32).reshape(events.samples, *events.shape)


@given(PIXELS, st.sampled_from([0.0, 0.2, 0.5, 0.999]), st.sampled_from([0, 1, 5, 204, 5000]))
def test_delay_events_add_up_to_the_frames(raw: NDArray[np.uint8], threshold: float, bins: int) -> None:
    encoder = Encoder("delay", threshold=threshold, bins=bins)
    np.testing.assert_array_equal(received(encoder.events(raw), encoder), encoder.frames(raw))


@given(arrays(np.int16, st.tuples(st.integers(1, 4), st.integers(1, 6))), st.sampled_from([0.0, 1 / 64, 0.3, 1000.0]))
def test_graded_events_add_up_to_the_frames(raw: NDArray[np.int16], step: float) -> None:
    encoder = Encoder("graded", scale=1 / 255, step=step)
    np.testing.assert_array_equal(received(encoder.events(raw), encoder), encoder.frames(raw))


@given(PIXELS, st.sampled_from([0.0, 1 / 64]))
def test_delta_events_up_to_a_frame_add_up_to_it(raw: NDArray[np.uint8], step: float) -> None:
    encoder = Encoder("delta", threshold=0.0, step=step)
    events = encoder.events(raw)
    assert events.samples == 1
    for frame in range(len(raw)):
        n = int(np.searchsorted(events.t, frame, side="right"))
        so_far = made(events.t[:n], events.neuron[:n], events.payload[:n], [0, n], events.shape)
        np.testing.assert_array_equal(received(so_far, encoder)[0], encoder.frames(raw)[frame])


@given(PIXELS, st.sampled_from([5 / 255, 0.2, 2.0]))
def test_delta_tells_every_pixel_to_less_than_the_threshold(raw: NDArray[np.uint8], threshold: float) -> None:
    encoder = Encoder("delta", threshold=threshold)
    events = encoder.events(raw)
    gap = raw[-1] / 255 - received(events, encoder)[0]
    assert np.all(np.abs(gap) < threshold)
    assert len(events) == 0 or np.abs(events.payload).min() >= threshold * 255 - 1e-6


def test_delta_sends_changes_alone_one_time_stamp_a_frame() -> None:
    raw = np.array([[0, 100, 7], [0, 100, 9], [60, 0, 9]], np.uint8)
    events = Encoder("delta", scale=1.0, threshold=5).events(raw)
    assert (events.t.tolist(), events.neuron.tolist(), events.payload.tolist()) == ([0, 0, 2, 2], [1, 2, 0, 1], [100, 7, 60, -100])


@given(PIXELS, st.sampled_from([0, 7]))
def test_delay_is_bright_first_and_within_its_time(raw: NDArray[np.uint8], bins: int) -> None:
    encoder = Encoder("delay", bins=bins)
    events = encoder.events(raw)
    for sample in range(events.samples):
        part = events.sample(sample)
        brightness = raw[sample].reshape(-1)[part.neuron].astype(int)
        if not bins:
            assert np.all(np.diff(brightness) <= 0) and np.array_equal(part.t, 255 - brightness)
        assert np.all((part.t >= 0) & (part.t * part.tick <= 0.8)) and np.all(part.payload == 1)
        assert all(np.diff(part.neuron)[np.diff(part.t) == 0] > 0)


def test_a_fifth_is_dark_although_single_precision_puts_it_above() -> None:
    assert np.float32(51) * np.float32(1 / 255) > 0.2
    frames = Encoder("delay").frames(np.array([[51, 52]]))
    assert frames.tolist() == [[0.0, 1.0]]


@pytest.mark.parametrize(("threshold", "dark"), [(0.25, 4), (0.4, 6), (0.2, 3), (0.5, 8)])
def test_the_boundary_on_a_scale_of_a_sixteenth(threshold: float, dark: int) -> None:
    encoder = Encoder("delay", scale=1 / 16, threshold=threshold)
    raw = np.arange(17)[None]
    assert encoder.frames(raw)[0].tolist() == [float(n > dark) for n in range(17)]
    assert encoder.events(raw).t.tolist() == list(range(16 - dark))
    assert encoder.events(raw).tick == 1 / 16


def test_bins_divide_the_time_above_the_threshold_evenly() -> None:
    raw = np.arange(52, 256)[None]
    events = Encoder("delay", bins=4).events(raw)
    # 204 grey levels above 51 in 4 bins of 51: late by 0..50 falls into the first, and so on.
    assert events.t.tolist() == [late // 51 for late in range(204)]
    assert events.tick == pytest.approx(0.2)


def test_one_bin_shows_everything_at_once() -> None:
    assert set(Encoder("delay", bins=1).events(np.arange(256)[None]).t.tolist()) == {0}


def test_as_many_bins_as_levels_change_nothing_but_the_tick() -> None:
    raw = np.arange(256)[None]
    own, binned = Encoder("delay").events(raw), Encoder("delay", bins=204).events(raw)
    assert own.t.tolist() == binned.t.tolist() and own.tick == pytest.approx(binned.tick)


def test_float_pixels_are_pixels() -> None:
    raw = np.array([[0.2, 0.21, 1.0]])
    events = Encoder("delay", scale=1.0, bins=8).events(raw)
    assert (events.t.tolist(), events.neuron.tolist()) == ([0, 7], [2, 1])


def test_graded_sends_each_sample_at_time_zero_and_no_zeros() -> None:
    events = Encoder("graded", scale=0.5).events(np.array([[3, 0], [0, -2]]))
    assert (events.t.tolist(), events.neuron.tolist(), events.payload.tolist(), events.offsets.tolist()) == (
        [0, 0],
        [0, 1],
        [3, -2],
        [0, 1, 2],
    )


@pytest.mark.parametrize(
    ("encoder", "value"), [(Encoder("delay"), 1.0), (Encoder("graded", scale=0.5), 0.5), (Encoder("delta", step=0.1), 0.1)]
)
def test_unit_value(encoder: Encoder, value: float) -> None:
    assert encoder.unit_value == value


@pytest.mark.parametrize("kind", ["delay", "graded", "delta"])
def test_no_frames_at_all(kind: str) -> None:
    encoder, raw = Encoder(kind), np.zeros((0, 2, 3), np.uint8)
    assert encoder.frames(raw).shape == (0, 2, 3)
    assert (len(encoder.events(raw)), encoder.events(raw).samples) == (0, int(kind == "delta"))


@pytest.mark.parametrize(
    "encoder", [Encoder(), Encoder("graded", scale=1.0, step=0.25), Encoder("delta", threshold=0.0), Encoder("delay", bins=9)]
)
def test_settings_survive_json(encoder: Encoder) -> None:
    assert Encoder.from_json(encoder.to_json()) == encoder


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kind": "rate"}, "kind 'rate'; choose one of delay, graded, delta"),
        ({"kind": 3}, "kind 3; choose one of"),
        ({"scale": 0.0}, "scale is 0.0; it must be positive, 1/255 for 8-bit pixels"),
        ({"scale": -1.0}, "scale is -1.0; it must be a number, 0 or above"),
        ({"scale": "1/255"}, "scale is '1/255'; it must be a number, 0 or above"),
        ({"threshold": float("nan")}, "threshold is nan; it must be a number, 0 or above"),
        ({"threshold": True}, "threshold is True; it must be a number, 0 or above"),
        ({"threshold": (0.1, 0.2)}, r"threshold is \(0.1, 0.2\); it must be a number, 0 or above"),
        ({"kind": "delta", "threshold": [0.1, -1]}, "threshold is -1; it must be a number, 0 or above"),
        ({"kind": "delta", "threshold": [[0.1], [0.2]]}, r"threshold is \[0.1\]; it must be a number, 0 or above"),
        ({"kind": "delta", "threshold": []}, "threshold is empty; give one number, or one for each channel"),
        ({"step": float("inf")}, "step is inf; it must be a number, 0 or above"),
        ({"threshold": 1.0}, "threshold 1.0 silences every pixel; with kind 'delay' it must lie below 1"),
        ({"bins": -1}, "bins is -1; it must be a whole number up to 1048576, 0 for the pixels' own"),
        ({"bins": 2.0}, "bins is 2.0; it must be a whole number up to 1048576"),
        ({"bins": True}, "bins is True; it must be a whole number up to 1048576"),
        ({"bins": (1 << 20) + 1}, "bins is 1048577; it must be a whole number up to 1048576"),
        ({"kind": "graded", "bins": 4}, "bins is 4, but kind 'graded' has no delay to divide; leave it at 0"),
    ],
)
def test_settings_that_do_not_fit(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=f"^encoder: {message}"):
        Encoder(**settings)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kind": "delay", "gamma": 2}, r"settings \['gamma'\]; allowed are bins, downsample, kind, leak_period, offset, range, "),
        ([1, 2], "settings list; allowed are bins, downsample, kind"),
        (None, "settings NoneType; allowed are bins, downsample, kind"),
    ],
)
def test_json_that_is_no_encoder(settings: object, message: str) -> None:
    with pytest.raises(InputError, match=f"^encoder: {message}"):
        Encoder.from_json(settings)


@pytest.mark.parametrize(
    ("kind", "raw", "message"),
    [
        ("delay", [1, 2], r"raw input is int64 of shape \(2,\); give numbers of shape \(samples, \*input shape\)"),
        ("delay", [["a"]], r"raw input is <U1 of shape \(1, 1\); give numbers of shape"),
        ("delay", [[1j]], r"raw input is complex128 of shape \(1, 1\); give numbers of shape"),
        ("graded", [[True]], r"raw input is bool of shape \(1, 1\); give numbers of shape"),
        ("delta", [[0.5, np.nan]], "raw input holds NaN or infinity; replace them first"),
        ("graded", [[np.inf]], "raw input holds NaN or infinity; replace them first"),
        ("delay", [[0, 256]], "raw input from 0 to 256 at scale 0.00392157; kind 'delay' takes values from 0 to 1, that is raw 0 to 255"),
        ("delay", [[-1, 3]], "raw input from -1 to 3 at scale 0.00392157; kind 'delay' takes values from 0 to 1"),
        ("graded", [[1 << 24]], r"raw input from 1.67772e\+07 to 1.67772e\+07 gives payloads beyond 2\^24; raise step or lower scale"),
        ("delta", [[-(1 << 24)]], r"raw input from -1.67772e\+07 to -1.67772e\+07 gives payloads beyond 2\^24; raise step or lower scale"),
    ],
)
def test_raw_input_that_does_not_fit(kind: str, raw: Any, message: str) -> None:
    for view in (Encoder(kind).frames, Encoder(kind).events):
        with pytest.raises(InputError, match=f"^encoder: {message}"):
            view(raw)


OFFSETS = [(1 / 127.5, -1.0, 0.0), (1.0, -128.0, 0.0), (0.5, 0.25, 0.0), (1 / 255, 0.1, 1 / 2550), (0.25, 0.0, 1 / 8)]


@pytest.mark.parametrize("kind", ["graded", "delta"])
@pytest.mark.parametrize(("scale", "offset", "step"), OFFSETS)
def test_offset_loses_nothing(kind: str, scale: float, offset: float, step: float) -> None:
    encoder, raw = Encoder(kind, scale=scale, offset=offset, step=step, threshold=0.0), np.arange(256)[:, None].astype(np.uint8)
    np.testing.assert_allclose(encoder.frames(raw), scale * raw + offset, atol=1e-6)
    np.testing.assert_allclose(encoder.exact(raw), scale * raw + offset, rtol=1e-6)
    assert np.array_equal(encoder.whole(raw), np.rint((scale * raw + offset) / encoder.unit_value))
    if kind == "graded":
        np.testing.assert_array_equal(received(encoder.events(raw), encoder), encoder.frames(raw))


def test_what_has_sent_nothing_has_the_value_zero() -> None:
    encoder = Encoder("graded", scale=1 / 127.5, offset=-1.0)
    assert len(encoder.events(np.full((1, 4), 127.5))) == 0 and len(encoder.events(np.zeros((1, 4), np.uint8))) == 4


def test_offset_beside_the_grid() -> None:
    with pytest.raises(InputError, match="an offset of 0.123457 is no multiple of the scale 0.1, .* give the step of the grid, too"):
        Encoder("graded", scale=0.1, offset=0.123457)


@pytest.mark.parametrize("raw", [np.arange(12).reshape(1, 12).astype(np.uint8), np.arange(12).reshape(1, 12) / 11])
def test_changes_are_what_a_stream_of_events_sends(raw: NDArray[Any]) -> None:
    encoder = Encoder("delta", scale=1.0, step=1 / 11 if raw.dtype.kind == "f" else 0.0, threshold=0.2)
    sent = np.zeros(12, np.int32)
    neuron, payload = encoder.changes(raw[0], sent)
    events = encoder.events(raw)
    assert np.array_equal(neuron, events.neuron) and np.array_equal(payload, events.payload)
    assert np.array_equal(sent, encoder.whole(raw[0]) * (encoder.whole(raw[0]) >= encoder.least[0]))
    assert encoder.is_identity == (raw.dtype == np.uint8)


@given(arrays(np.uint8, (5, 2, 3, 3)), st.lists(st.integers(0, 300), min_size=3, max_size=3))
def test_each_channel_has_its_own_threshold(raw: NDArray[np.uint8], levels: list[int]) -> None:
    encoder = Encoder("delta", threshold=[level / 255 for level in levels])
    alone = [Encoder("delta", threshold=level / 255).events(raw[..., at : at + 1]) for at, level in enumerate(levels)]
    together = encoder.events(raw)
    for channel, events in enumerate(alone):
        own = together.neuron % 3 == channel
        assert np.array_equal(together.t[own], events.t) and np.array_equal(together.neuron[own] // 3, events.neuron)
        assert np.array_equal(together.payload[own], events.payload)
    assert Encoder.from_json(json.loads(json.dumps(encoder.to_json()))) == encoder and hash(encoder) is not None


def test_a_threshold_for_each_channel_and_not_another_number() -> None:
    assert Encoder("delta", threshold=[0.1]) == Encoder("delta", threshold=(0.1,)) == Encoder("delta", threshold=0.1)
    encoder, raw = Encoder("delta", threshold=(0.1, 0.2)), np.zeros((2, 4, 3), np.uint8)
    with pytest.raises(InputError, match=r"^encoder: 2 thresholds, raw input of shape \(2, 4, 3\); give one, or one for each channel"):
        encoder.events(raw)


def test_float_pixels_keep_their_time() -> None:
    raw = np.arange(256)[None]
    whole, soft = Encoder("delay").events(raw), Encoder("delay", scale=1.0, step=1 / 255).events(raw / 255)
    assert np.array_equal(whole.t, soft.t) and np.array_equal(whole.neuron, soft.neuron) and whole.tick == soft.tick


def test_one_class_a_kind() -> None:
    delay, graded, delta = (Encoder(kind) for kind in ("delay", "graded", "delta"))
    assert all(isinstance(encoder, Encoder) for encoder in (delay, graded, delta))
    assert (delay, graded, delta) == (Delay(), Graded(), Delta())
    assert not hasattr(graded, "bins") and not hasattr(graded, "threshold") and not hasattr(delta, "bins")
    assert Encoder("delay", 1 / 16, 0.4, 4) == Delay(scale=1 / 16, threshold=0.4, bins=4)


@pytest.mark.parametrize("kind", ["delay", "graded", "delta"])
def test_settings_of_older_files(kind: str) -> None:
    old = {"kind": kind, "scale": 0.5, "threshold": 0.3, "bins": 0, "step": 0.0}
    assert Encoder.from_json(old) == Encoder(kind, scale=0.5, threshold=0.3)
