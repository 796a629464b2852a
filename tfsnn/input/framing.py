"""How a frame of a camera becomes a frame of the network: cut, resized, its colours ordered, every n-th one taken.

Stated once and stored with the input that it feeds, so that train, convert and stream show a network the same thing. What
the numbers of a pixel mean is the encoder's business (``scale``), not the framing's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from math import isfinite
from numbers import Real
from typing import Any

import numpy as np

from tfsnn.aliases import Array
from tfsnn.errors import InputError, shown

COLOURS = {"rgb": 3, "bgr": 3, "grey": 1}
"""Orders of colours, and the channels that they give."""
INTERPOLATIONS = ("linear", "area", "nearest", "cubic")
"""Of OpenCV's resize; ``"linear"`` is its default, ``"area"`` averages and so has less noise where a frame gets smaller."""
LARGEST = 1 << 14


@dataclass(frozen=True)
class Framing:
    """From a camera's frame to the network's.

    Parameters
    ----------
    size
        (height, width) of the network's input.
    colour
        ``"rgb"``, ``"bgr"`` (as OpenCV reads them) or ``"grey"``.
    crop
        (top, left, bottom, right): shares of the frame that are cut off before it is resized.
    interpolation
        How it is resized: ``"linear"``, ``"area"``, ``"nearest"`` or ``"cubic"``.
    every
        Take every n-th frame, the first one included.

    Examples
    --------
    >>> framing = Framing((66, 200), crop=(0.4, 0, 0, 0))
    >>> framing.window(480, 640)
    (192, 0, 480, 640)
    """

    size: tuple[int, int]
    colour: str = "rgb"
    crop: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    interpolation: str = "linear"
    every: int = 1

    def __post_init__(self) -> None:
        for name, allowed in (("colour", tuple(COLOURS)), ("interpolation", INTERPOLATIONS)):
            value = getattr(self, name)
            if not isinstance(value, str) or value not in allowed:
                raise InputError(f"framing: {name} is {shown(value)}; choose one of {', '.join(allowed)}")
        size, crop = _numbers(self.size, 2), _numbers(self.crop, 4)
        if size is None or any(n != int(n) or not 1 <= n <= LARGEST for n in size):
            raise InputError(f"framing: size is {shown(self.size)}; give (height, width), whole numbers from 1 to {LARGEST}")
        if crop is None or min(crop) < 0 or crop[0] + crop[2] >= 1 or crop[1] + crop[3] >= 1:
            raise InputError(
                f"framing: crop is {shown(self.crop)}; give (top, left, bottom, right) as shares to cut off, 0 or above, "
                "top and bottom together below 1, and so left and right"
            )
        if not isinstance(self.every, int) or isinstance(self.every, bool) or not 1 <= self.every < 1 << 31:
            raise InputError(f"framing: every is {shown(self.every)}; it must be a whole number, 1 or above")
        object.__setattr__(self, "size", (int(size[0]), int(size[1])))
        object.__setattr__(self, "crop", crop)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of a frame."""
        return (*self.size, COLOURS[self.colour])

    def window(self, height: int, width: int) -> tuple[int, int, int, int]:
        """Top, left, bottom and right, in pixels, of what a frame of this size keeps: a pixel at least."""
        top, left = (min(round(share * n), n - 1) for share, n in zip(self.crop[:2], (height, width)))
        bottom, right = (n - round(share * n) for share, n in zip(self.crop[2:], (height, width)))
        return top, left, max(bottom, top + 1), max(right, left + 1)

    def apply(self, frame: Array) -> Array:
        """The network's frame.

        Parameters
        ----------
        frame
            (height, width, channels): whole numbers or floats, colours in the right order already.

        Returns
        -------
        (\\*size, channels), of the same dtype
        """
        top, left, bottom, right = self.window(*frame.shape[:2])
        part = frame[top:bottom, left:right]
        if part.shape[:2] == self.size:
            return part
        cv2 = opencv("resizing a frame")
        # OpenCV resizes no other types.
        part = part if part.dtype.name in ("uint8", "uint16", "int16", "float32", "float64") else part.astype(np.float64)
        kind = getattr(cv2, f"INTER_{self.interpolation.upper()}")
        resized: Array = cv2.resize(part, self.size[::-1], interpolation=kind)
        return resized.reshape(self.size + frame.shape[2:])

    def to_json(self) -> dict[str, Any]:
        """The settings as plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, settings: object) -> Framing:
        """The framing that :meth:`to_json` described; InputError names a setting that does not belong."""
        names = {f.name for f in fields(cls)}
        if not isinstance(settings, Mapping) or not set(settings) <= names or "size" not in settings:
            found = shown(sorted(settings)) if isinstance(settings, Mapping) else type(settings).__name__
            raise InputError(f"framing: settings {found}; allowed are {', '.join(sorted(names))}, size is needed")
        return cls(**settings)


def opencv(what: str) -> Any:
    """OpenCV, imported where it is needed.

    Parameters
    ----------
    what
        What needs it, for the message where it is missing.
    """
    try:
        import cv2
    except ImportError as error:
        raise InputError(f"{what} needs OpenCV, which is not installed; pip install 'tfsnn[video]'") from error
    return cv2


def _numbers(values: object, count: int) -> tuple[float, ...] | None:
    """So many finite numbers, or None."""
    if not isinstance(values, (tuple, list)) or len(values) != count:
        return None
    if any(isinstance(v, bool) or not isinstance(v, Real) or not isfinite(v) for v in values):
        return None
    return tuple(float(v) for v in values)
