"""Drives without a car: a road as the camera behind a windscreen sees it, and how the wheel is turned, at any frame rate.

A drive is a function of time, so that 10 and 480 frames a second show the same one. The road bends by a curvature kappa(s) that is a
sum of sines of the way s; the car sways about the middle of its lane by an offset d(s). Seen from the car, the middle of the
lane lies z metres ahead at

    X(z) = integral from 0 to z of (psi(s + u) - psi(s)) du - d(s) - d'(s) z,    psi the integral of kappa,

and who steers follows it by pure pursuit: with L the wheelbase and l the distance looked ahead,

    angle of the wheels = atan(2 L X(l) / l^2),    steering wheel = 15 times as much.

Edges and textures are weighed by the area that a pixel covers, so that small movements make small changes. Lanes, verge, hills, posts
and trees lie where they lie in the world; colours and light are drawn anew for each drive.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.random import RandomState

from tfsnn.aliases import Array, Floats
from tfsnn.errors import InputError

HALF_TURN = np.pi
"""Radians of the steering wheel that a steering of 1 stands for."""
WHEELBASE, AHEAD, RATIO = 2.7, 12.0, 15.0
LINES = (-5.25, -1.75, 1.75)
"""Metres from the middle of the lane: left edge of the road, the dashed line, right edge."""


Halts = Sequence[tuple[float, float]]
"""From which second on a car stands, and until when."""


@dataclass(frozen=True)
class Scene:
    """What is seen, and how fast.

    Parameters
    ----------
    height, width
        Of a frame in pixels.
    speed
        Metres a second.
    noise
        Standard deviation of the sensor's noise in levels of an 8-bit pixel, drawn anew for each frame, pixel and channel.
    """

    height: int = 66
    width: int = 200
    speed: float = 14.0
    noise: float = 0.0

    def __post_init__(self) -> None:
        if min(self.height, self.width) < 16 or max(self.height, self.width) > 4096:
            raise InputError(f"generated road: frames of {self.height}x{self.width}; give 16x16 to 4096x4096 pixels")
        if not 0 <= self.speed <= 100 or not 0 <= self.noise <= 255:
            raise InputError(
                f"generated road: {self.speed:g} m/s, noise {self.noise:g}; give a speed from 0 to 100 and a noise from 0 to 255 levels"
            )

    @property
    def size(self) -> tuple[int, int]:
        """(height, width)."""
        return self.height, self.width

    @cached_property
    def focal(self) -> float:
        """Pixels: 60 degrees lie in the width of a frame."""
        return float(self.width / 2 / np.tan(np.radians(30)))

    @cached_property
    def rays(self) -> tuple[Floats, Floats]:
        """Pixels from the horizon down, a value a row, and from the middle to the right, a value a column."""
        rows, columns = (np.arange(size, dtype=np.float64) + 0.5 for size in self.size)
        return rows - 0.28 * self.height, columns - self.width / 2


@dataclass(frozen=True)
class Drive:
    """One drive.

    Parameters
    ----------
    seed
        Of everything that is drawn; the same seed is the same drive, at every frame rate and size.
    scene
        What is seen, and how fast.

    Examples
    --------
    >>> drive = Drive(3, Scene(33, 100))
    >>> [frame.shape for frame, _ in drive.frames(10.0, 2)], round(float(drive.steering(0.5)), 3)
    ([(33, 100, 3), (33, 100, 3)], 0.254)
    """

    seed: int
    scene: Scene = Scene()

    def frames(self, rate: float, count: int, begin: float = 0.0, halts: Halts = ()) -> Iterator[tuple[Array, float]]:
        """Frames uint8 (height, width, 3), red in front, and the steering at each.

        Parameters
        ----------
        rate
            Frames a second.
        count
            How many.
        begin
            Seconds from the beginning of the drive to the first one.
        halts
            From which second on the car stands, and until when; it slows down in the second before, and is as fast again in
            the one behind.
        """
        if not 0 < rate <= 1e6:
            raise InputError(f"generated road: {rate:g} frames a second; give a positive number up to a million")
        noise = RandomState([self.seed, 1])
        for number in range(count):
            t = driven(begin + number / rate, halts)
            light = self._world.seen(t)
            if self.scene.noise:
                light = light + self.scene.noise * noise.standard_normal(light.shape)
            yield np.clip(np.rint(light), 0, 255).astype(np.uint8), float(self.steering(t))

    def steering(self, t: float) -> float:
        """Angle of the steering wheel at a time, in half turns: 1 is 180 degrees to the right."""
        aside = self._world.middle(self.scene.speed * t, np.array([AHEAD]))[0]
        return float(RATIO * np.arctan(2 * WHEELBASE * aside / AHEAD**2) / HALF_TURN)

    @cached_property
    def _world(self) -> _World:
        return _World(RandomState(self.seed), self.scene)


def driven(t: float, halts: Halts) -> float:
    """Seconds at full speed that the way of so many seconds takes.

    Parameters
    ----------
    t
        Seconds since the car drove off.
    halts
        As of :meth:`Drive.frames`.

    Examples
    --------
    >>> [driven(t, [(2.0, 5.0)]) for t in (0.5, 1.5, 3.0, 5.0, 6.0, 8.0)]
    [0.5, 1.375, 1.5, 1.5, 2.0, 4.0]
    """
    lost = 0.0
    for begin, end in halts:
        slowing, speeding = (min(max(t - since, 0.0), 1.0) for since in (begin - 1, end))
        lost += slowing**2 / 2 + min(max(t - begin, 0.0), end - begin) + speeding - speeding**2 / 2
    return t - lost


class _World:
    """Everything about a drive that is drawn once."""

    def __init__(self, random: RandomState, scene: Scene) -> None:
        self.scene = scene
        length = random.uniform([220, 120, 70], [400, 220, 120])
        self.bend = random.uniform([0.006, 0.003, 0.001], [0.016, 0.009, 0.004]), 2 * np.pi / length, random.uniform(0, 2 * np.pi, 3)
        reach, length = random.uniform([0.1, 0.05], [0.45, 0.2]), random.uniform([60, 35], [160, 60])
        self.sway = reach, 2 * np.pi / length, random.uniform(0, 2 * np.pi, 2)
        light = random.uniform(0.75, 1.15)
        tint = random.uniform(0.94, 1.06, 3)
        self.asphalt = light * tint * random.uniform(70, 105)
        self.verge = light * tint * (np.array([70, 100, 48]) + random.uniform(-22, 22, 3))
        self.paint = light * tint * random.uniform(175, 215)
        self.sky = np.minimum(light * np.array([[150, 180, 215], [205, 212, 220]]) + random.uniform(-15, 15), 250)
        self.hills = light * (np.array([75, 92, 88]) + random.uniform(-18, 18, 3))
        self.tree = light * (np.array([45, 66, 34]) + random.uniform(-14, 14, 3))
        # Waves of the texture: per metre across and along, phase, and how strong each is in levels.
        across, along = random.uniform(-1.6, 1.6, 10), random.uniform(0.2, 1.6, 10)
        self.texture = across, along, random.uniform(0, 2 * np.pi, 10), random.uniform(2.0, 5.0, 10)
        self.profile = random.uniform(0.02, 0.05, 3), random.uniform([2, 5, 11], [4, 9, 19]), random.uniform(0, 2 * np.pi, 3)
        self.stand = random.uniform(0, 1, (64, 4))

    def middle(self, way: float, z: Floats) -> Floats:
        """Metres to the right of where the car points, z metres ahead: the middle of its lane."""
        size, wave, phase = self.bend
        here = wave * way + phase
        heading = -(size / wave) @ np.cos(here)
        curve = -(size / wave**2) @ (np.sin(here[:, None] + wave[:, None] * z) - np.sin(here)[:, None])
        size, wave, phase = self.sway
        aside, slope = size @ np.sin(wave * way + phase), (size * wave) @ np.cos(wave * way + phase)
        return np.asarray(curve - heading * z - aside - slope * z)

    def seen(self, t: float) -> Floats:
        """float64 (height, width, 3): levels from 0 to 255, without noise."""
        way = self.scene.speed * t
        image = self._above(way)
        image[-len(self._far) :] = self._ground(way)
        self._trees(way, image)
        return image

    @cached_property
    def _far(self) -> Floats:
        """Metres to what the rows below the horizon show, 1.3 m below the camera."""
        down, _ = self.scene.rays
        return np.asarray(1.3 * self.scene.focal / down[down > 0])

    @cached_property
    def _waves(self) -> tuple[Floats, Floats]:
        """Sine and cosine of the texture's waves (waves, rows, columns) without car and way, each as weak as a pixel's area makes it."""
        far, (_, right), focal = self._far[:, None], self.scene.rays, self.scene.focal
        across, along, _, size = (part[:, None, None] for part in self.texture)
        kx, kz, wide, deep = 2 * np.pi * across, 2 * np.pi * along, far / focal, far**2 / (1.3 * focal)
        weak = size * np.exp(-((kx * wide) ** 2 + (kz * deep) ** 2) / 8)
        return weak * np.sin(kx * right * wide), weak * np.cos(kx * right * wide)

    def _above(self, way: float) -> Floats:
        scene, (down, right) = self.scene, self.scene.rays
        size, wave, phase = self.bend
        azimuth = np.arctan(right / scene.focal) - (size / wave) @ np.cos(wave * way + phase)
        size, wave, phase = self.profile
        crest = -scene.height * (0.05 + size @ (1 + np.sin(wave[:, None] * azimuth + phase[:, None])))
        share = np.clip((down[:, None] + scene.height) / scene.height, 0, 1)[..., None]
        sky = self.sky[0] + share * (self.sky[1] - self.sky[0])
        covered = np.clip(down[:, None] - crest + 0.5, 0, 1)[..., None]
        return np.asarray(sky + covered * (self.hills - sky))

    def _ground(self, way: float) -> Floats:
        far, (_, right), focal = self._far, self.scene.rays, self.scene.focal
        deep, wide = far**2 / (1.3 * focal), (far / focal)[:, None]
        middle = self.middle(way, far)
        aside = right * wide - middle[:, None]
        road = _within(aside, LINES[0] - 0.5, LINES[-1] + 0.5, wide)[..., None]
        grain = self._grain(middle, way + far)[..., None]
        image = self.verge + grain + road * (self.asphalt - self.verge - 0.8 * grain)
        dashes = (_dashed(way + far + deep / 2) - _dashed(way + far - deep / 2)) / deep
        for at, part in zip(LINES, (np.ones_like(far), dashes, np.ones_like(far))):
            line = (part[:, None] * _within(aside, at - 0.08, at + 0.08, wide))[..., None]
            image += line * (self.paint - image)
        # Things far away are pale.
        haze = (1 - np.exp(-far / 250))[:, None, None]
        return np.asarray(image + haze * (self.hills - image))

    def _grain(self, middle: Floats, along: Floats) -> Floats:
        """The texture (rows, columns): waves that lie still in the world."""
        across, forward, phase, _ = (part[:, None] for part in self.texture)
        turn = 2 * np.pi * (forward * along - across * middle) + phase
        sine, cosine = self._waves
        return np.asarray(np.einsum("krc,kr->rc", sine, np.cos(turn)) + np.einsum("krc,kr->rc", cosine, np.sin(turn)))

    def _trees(self, way: float, image: Floats) -> None:
        """Trees and posts beside the road, from the farthest to the nearest."""
        scene, pitch, (down, right) = self.scene, 9.0, self.scene.rays
        for number in range(int(way // pitch) + 11, int(way // pitch), -1):
            place, side, tall, slim = self.stand[number % len(self.stand)]
            z = (number + 0.6 * place) * pitch - way
            if z < 3:
                continue
            aside = (9.5 if side > 0.5 else -12.5) + 3 * (slim - 0.5) + float(self.middle(way, np.array([z]))[0])
            x, scale = scene.focal * aside / z, scene.focal / z
            half, top = (0.12 if slim < 0.3 else 0.8 + slim) * scale, (1.0 if slim < 0.3 else 3.0 + 4 * tall) * scale
            foot = 1.3 * scale
            columns = _within(right, x - half, x + half, 1.0)
            rows = _within(down, foot - top, foot, 1.0)
            colour = self.paint if slim < 0.3 else self.tree
            colour = colour + (1 - np.exp(-z / 250)) * (self.hills - colour)
            image += (rows[:, None] * columns)[..., None] * (colour - image)


def _within(at: Floats, low: float, high: float, width: Floats | float) -> Floats:
    """Share of a pixel of that width that lies between two edges."""
    return np.asarray(np.clip((at - low) / width + 0.5, 0, 1) - np.clip((at - high) / width + 0.5, 0, 1))


def _dashed(along: Floats) -> Floats:
    """Metres of paint up to here: 3 of every 9."""
    return np.asarray(3 * np.floor(along / 9) + np.minimum(np.mod(along, 9), 3))
