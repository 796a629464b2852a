"""Recordings without a camera: a figure that makes the eleven gestures of DVS128 Gesture, seen by the model of an event camera.

The figure has a head, a trunk and two arms; its place, size, speed and brightness, the path of its hands and the light are drawn
anew for every recording. A pixel of the camera keeps the logarithm of the brightness at which it last sent an event, and sends one
for every step by its own threshold away from there:

    brighter:  log I >= kept + on threshold        darker:  log I <= kept - off threshold

at the time that lies in proportion between two rendered frames, unless it sent one less than the refractory time before (then the event
is lost, and the step is not). Thresholds differ from pixel to pixel, and noise events of either polarity come at any time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import RandomState

from tfsnn.aliases import Array, Floats
from tfsnn.errors import InputError
from tfsnn.input.dvs_gesture import CLASSES
from tfsnn.input.recording import Recording

_SHOULDERS = np.array([[0.36, 0.42], [0.64, 0.42]])
"""Column and row, in heights of the picture, of the figure's right and left shoulder: it faces the camera."""


@dataclass(frozen=True)
class Camera:
    """Settings of the event camera.

    Parameters
    ----------
    width, height
        In pixels.
    threshold, mismatch
        Mean and standard deviation over pixels of the thresholds, in natural logarithms of brightness.
    noise
        Events a second that a pixel sends without a reason, half of either polarity.
    refractory
        Microseconds after an event in which a pixel sends none.
    frame
        Microseconds between rendered frames.
    """

    width: int = 64
    height: int = 64
    threshold: float = 0.2
    mismatch: float = 0.03
    noise: float = 0.5
    refractory: int = 1_000
    frame: int = 4_000


def gesture(label: int, seed: int, duration: int = 640_000, camera: Camera = Camera()) -> Recording:
    """A recording of one gesture.

    Parameters
    ----------
    label
        Its number in :data:`tfsnn.input.dvs_gesture.CLASSES`.
    seed
        Of everything that is drawn; the same seed gives the same recording.
    duration
        In microseconds.
    camera
        What sees it.

    Examples
    --------
    >>> recording = gesture(1, seed=0, duration=100_000)
    >>> len(recording) > 100, recording.width, int(recording.t[-1]) < 100_000
    (True, 64, True)
    """
    if not 0 <= label < len(CLASSES):
        raise InputError(f"generated gestures: label is {label}; choose 0 to {len(CLASSES) - 1}")
    if duration < camera.frame or camera.frame < 1 or min(camera.width, camera.height) < 8:
        raise InputError(
            f"generated gestures: {duration} us in frames of {camera.frame} us, {camera.width}x{camera.height} pixels; "
            "give at least one frame, and 8x8 pixels"
        )
    random = RandomState(seed)
    times = np.arange(0, duration + 1, camera.frame)
    columns = _seen(_rendered(_Figure(label, random), times / 1e6, camera), camera, random)
    t, pixel, p = _noisy(columns, int(times[-1]), camera, random)
    order = np.argsort(t, kind="stable")
    t, pixel, p = t[order], pixel[order], p[order]
    return Recording(t, pixel % camera.width, pixel // camera.width, p, camera.width, camera.height)


class _Figure:
    """Everything about a figure and its gesture that is drawn once a recording."""

    def __init__(self, label: int, random: RandomState) -> None:
        self.label = label
        self.speed = random.uniform(0.8, 1.6)
        self.phase, self.other_phase = random.uniform(0, 2 * np.pi, 2)
        self.reach = random.uniform(0.8, 1.2)
        self.shift = random.uniform(-0.06, 0.06, 2)
        self.size = random.uniform(0.85, 1.15)
        self.sway = random.uniform(0, 0.01)
        self.wander = random.uniform(0.5, 2.5, 4), random.uniform(0, 2 * np.pi, 4), random.randint(0, 2)
        self.background = random.uniform(0.2, 0.6)
        contrast = random.uniform(0.5, 1.1) * (1 if random.rand() < 0.5 else -1)
        self.skin, self.clothes = self.background * np.exp(contrast), self.background * np.exp(-0.6 * contrast)

    def hands(self, t: Floats) -> Floats:
        """Places (2, times, 2) of the right and the left hand."""
        turn = 2 * np.pi * self.speed * t + self.phase
        rest = np.array([[0.3, 0.75], [0.7, 0.75]])[:, None, :] + 0.004 * np.sin(turn + self.other_phase)[None, :, None]
        hands = np.broadcast_to(rest, (2, len(t), 2)).copy()
        for side, column, row in self._moves(turn, t):
            hands[side] = np.stack([column + 0 * t, row + 0 * t], 1)
        return hands

    def _moves(self, turn: Floats, t: Floats) -> Iterator[tuple[int, Floats, Floats]]:
        wave, across, r = np.sin(turn), np.cos(turn), self.reach
        name = CLASSES[self.label]
        side = 1 if "left" in name else 0
        mirror = 1 - 2 * side
        if name == "hand clapping":
            apart = 0.03 + 0.07 * r * (1 + wave)
            yield from ((i, 0.5 + sign * apart, 0.5 + 0 * t) for i, sign in enumerate((-1, 1)))
        elif "wave" in name:
            yield side, 0.5 - mirror * 0.26 + 0.1 * r * np.sin(1.5 * turn), 0.22 + 0 * t
        elif "clockwise" in name:
            # Rows count downwards, so this is clockwise for the camera.
            sign = -1 if "counter" in name else 1
            yield side, 0.5 - mirror * 0.24 + 0.14 * r * across, 0.42 + 0.14 * r * sign * wave
        elif name == "arm roll":
            turns = [1.3 * turn + i * np.pi for i in (0, 1)]
            yield from ((i, 0.5 + 0.07 * r * np.cos(angle), 0.52 + 0.09 * r * np.sin(angle)) for i, angle in enumerate(turns))
        elif name == "air drums":
            yield from ((i, 0.38 + 0.24 * i + 0 * t, 0.58 + 0.1 * r * np.sin(1.6 * turn + i * np.pi)) for i in (0, 1))
        elif name == "air guitar":
            yield 0, 0.44 + 0.02 * across, 0.62 + 0.09 * r * np.sin(2 * turn)
            yield 1, 0.8 + 0.03 * r * np.sin(0.5 * turn), 0.4 - 0.01 * wave
        else:
            (a, b, c, d), phases, side = self.wander
            yield side, 0.3 + 0.4 * side + 0.12 * r * np.sin(a * turn + phases[0]), 0.3 + 0.1 * r * np.sin(b * turn + phases[1])
            yield 1 - side, 0.7 - 0.4 * side + 0.05 * np.sin(c * t + phases[2]), 0.6 + 0.12 * r * np.sin(d * turn + phases[3])


def _rendered(figure: _Figure, times: Floats, camera: Camera) -> Iterator[Floats]:
    """The logarithm of the brightness, frame after frame: float64 (height, width)."""
    unit = min(camera.width, camera.height)
    hands = figure.hands(times)

    def placed(*points: Sequence[float]) -> Floats:
        return (0.5 + figure.size * (np.array(points) - 0.5) + figure.shift + sway) * unit

    for frame, t in enumerate(times):
        sway = figure.sway * np.array([np.sin(2 * np.pi * 0.7 * t + figure.other_phase), 0])
        light = np.full((camera.height, camera.width), figure.background)
        _paint(light, placed([0.5, 0.5], [0.5, 0.9]), 0.13 * figure.size * unit, figure.clothes)
        _paint(light, placed([0.5, 0.24], [0.5, 0.24]), 0.08 * figure.size * unit, figure.skin)
        for shoulder, hand in zip(_SHOULDERS, hands[:, frame]):
            _paint(light, placed(shoulder, hand), 0.028 * figure.size * unit, figure.skin)
            _paint(light, placed(hand, hand), 0.05 * figure.size * unit, figure.skin)
        yield np.log(light)


def _paint(light: Floats, ends: Floats, radius: float, brightness: float) -> None:
    """Lay a stroke with round ends over a picture; its rim is a pixel and a half wide."""
    low = np.maximum(np.floor(ends.min(0) - radius - 2), 0).astype(int)
    high = np.maximum(np.ceil(ends.max(0) + radius + 3), 0).astype(int)
    box = light[low[1] : high[1], low[0] : high[0]]
    column = np.arange(low[0], low[0] + box.shape[1]) - ends[0, 0]
    row = np.arange(low[1], low[1] + box.shape[0])[:, None] - ends[0, 1]
    along = ends[1] - ends[0]
    share = np.clip((column * along[0] + row * along[1]) / max(float(along @ along), 1e-12), 0, 1)
    distance = np.hypot(column - share * along[0], row - share * along[1])
    box += np.clip((radius - distance) / 1.5 + 0.5, 0, 1) * (brightness - box)


def _seen(frames: Iterator[Floats], camera: Camera, random: RandomState) -> list[tuple[Array, Array, Array]]:
    """Time, pixel and polarity of what a camera sends while it sees the frames."""
    before = next(frames).reshape(-1)
    kept, last = before.copy(), np.full(len(before), -np.inf)
    spread = random.normal(camera.threshold, camera.mismatch, (2, len(before)))
    on, off = np.maximum(spread, camera.threshold / 4)
    columns = []
    for number, frame in enumerate(frames):
        now = frame.reshape(-1)
        while True:
            p = now - kept >= on
            fires = np.flatnonzero(p | (kept - now >= off))
            if not len(fires):
                break
            kept[fires] += np.where(p[fires], on[fires], -off[fires])
            # What kept was left behind by an earlier frame is crossed at once.
            share = np.clip((kept[fires] - before[fires]) / (now[fires] - before[fires] + 1e-300), 0, 1)
            t = np.floor((number + share) * camera.frame).astype(np.int64)
            ready = t - last[fires] >= camera.refractory
            last[fires[ready]] = t[ready]
            columns.append((t[ready], fires[ready], p[fires[ready]].astype(np.uint8)))
        before = now
    return columns


def _noisy(columns: list[tuple[Array, Array, Array]], duration: int, camera: Camera, random: RandomState) -> tuple[Array, Array, Array]:
    pixels = camera.width * camera.height
    count = random.poisson(camera.noise * pixels * duration / 1e6)
    noise = random.randint(0, duration, count), random.randint(0, pixels, count), random.randint(0, 2, count).astype(np.uint8)
    t, pixel, p = (np.concatenate(parts) for parts in zip(*columns, noise))
    inside = t < duration
    return t[inside], pixel[inside], p[inside]
