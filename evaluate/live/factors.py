"""Thresholds by layer: factors on the network's threshold, given in words or in a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tfsnn.bounded_json import loaded
from tfsnn.errors import InputError


def read_factors(text: str) -> dict[str, Any]:
    """What ``--factors`` says.

    Parameters
    ----------
    text
        ``LAYER=F,LAYER=F``, or the name of a JSON file that holds ``{"LAYER": F}``.

    Examples
    --------
    >>> read_factors("conv2d=0.5, dense=2")
    {'conv2d': 0.5, 'dense': 2.0}
    """
    if text.endswith(".json"):
        try:
            content = loaded(Path(text).read_text(encoding="utf-8"), "--factors", text, 'write JSON such as {"conv2d": 0.5}', "an object")
        except (OSError, ValueError) as error:
            raise InputError(f"--factors {text}: cannot be read ({error}); write JSON such as {{\"conv2d\": 0.5}}") from error
        if not isinstance(content, dict):
            raise InputError(f"--factors {text}: holds a JSON {type(content).__name__}; expected an object, layer by layer")
        return content
    found: dict[str, Any] = {}
    for part in text.split(","):
        name, _, number = part.rpartition("=")
        try:
            found[name.strip()] = float(number)
        except ValueError:
            raise InputError(f"--factors: {part.strip()!r}; give LAYER=F, as in conv2d=0.5,dense=2, or a .json file") from None
    return found
