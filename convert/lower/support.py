"""The support table: what converts, as the handlers themselves say it in the first line of their docstrings."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from .activations import ALLOWED
from .driver import MANY, ONE
from .shapes import identity

BEGIN, END = "<!-- support:begin -->", "<!-- support:end -->"


def rows() -> Iterator[tuple[str, str]]:
    """Layers that share a handler, and what of them is supported."""
    groups: dict[Callable[..., Any], list[str]] = {}
    handlers: dict[str, Callable[..., Any]] = {**ONE, **MANY}
    for name, handler in handlers.items():
        groups.setdefault(handler, []).append(name)
    for handler, names in groups.items():
        if handler is not identity:
            yield ", ".join(shortened(names)), _first_line(handler)
    yield ", ".join(shortened(groups[identity])), _first_line(identity)
    yield "activations by name", ALLOWED


def shortened(names: list[str]) -> list[str]:
    """Conv1D and Conv2D as Conv1D/2D."""
    short: list[str] = []
    for name in names:
        twin = re.sub("2D", "1D", name)
        if twin != name and twin in short:
            short[short.index(twin)] = re.sub("1D", "1D/2D", twin)
        else:
            short.append(name)
    return short


def markdown() -> str:
    """The table as it stands in docs/layers.md."""
    lines = [f"| {names} | {what} |" for names, what in rows()]
    return "\n".join(["| layers of Keras | what converts |", "|---|---|", *lines])


def _first_line(handler: Callable[..., Any]) -> str:
    return (handler.__doc__ or "").strip().splitlines()[0]
