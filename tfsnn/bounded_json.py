"""JSON from a file that may be hostile: bounded in size and depth before anything is parsed.

Python's parser recurses; a million opening brackets end it in a RecursionError. So brackets outside of strings are
counted first.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from tfsnn.errors import FileError

_LONGEST = 32 << 20
_DEEPEST = 150
_MOST_LISTS, _MOST_VALUES = 1_000_000, 5_000_000
_TOKEN = re.compile(r'["\[\]{}]')
# Ends a string: a quote after an even number of backslashes.
_STRING_END = re.compile(r'[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)


_FROM_KERAS = "the file is damaged or was not written by Keras: save or download it again"


def parsed(text: str, label: str, field: str, way_out: str = _FROM_KERAS, expected: str = "a model") -> Any:
    """Return what a JSON text says, lists as tuples.

    Raises
    ------
    FileError
        It is too long or too deep, or no JSON.
    """
    return _frozen(loaded(text, label, field, way_out, expected, _constant))


def loaded(
    text: str, label: str, field: str, way_out: str, expected: str, constant: Callable[[str], float] | None = None
) -> Any:
    """Return what a JSON text says, bounded before it is parsed.

    Parameters
    ----------
    text
        The JSON.
    label, field
        The file, and the part of it, for a message.
    way_out, expected
        What a message says of what to do, and of what should stand there.
    constant
        What to make of NaN, Infinity and -Infinity, which Python's parser takes; default refuse them.

    Raises
    ------
    FileError
        It is too long or too deep, or no JSON.
    """
    if len(text) > _LONGEST:
        raise FileError(f"{label}: {field}: found {len(text)} characters, expected at most {_LONGEST}; {way_out}")
    # Each list or object takes some hundred bytes, and each comma stands for a value; no model comes near.
    many = text.count("[") + text.count("{"), text.count(",")
    if many[0] > _MOST_LISTS or many[1] > _MOST_VALUES:
        found = f"{many[0]} lists and objects of {many[1]} values"
        raise FileError(f"{label}: {field}: found {found}, expected at most {_MOST_LISTS} of {_MOST_VALUES}; {way_out}")
    if _depth(text) > _DEEPEST:
        raise FileError(f"{label}: {field}: found JSON nested deeper than {_DEEPEST}, expected {expected}; {way_out}")
    try:
        return json.loads(text, parse_constant=constant or _refused)
    except ValueError as error:
        raise FileError(f"{label}: {field}: found no JSON ({error}), expected {expected}; {way_out}") from error


def _depth(text: str) -> int:
    """Return the greatest number of brackets that are open at once, stopping where it is too many."""
    depth = deepest = place = 0
    while deepest <= _DEEPEST:
        token = _TOKEN.search(text, place)
        if token is None:
            break
        place = token.end()
        if token.group() == '"':
            end = _STRING_END.match(text, place)
            if end is None:
                break
            place = end.end()
        elif token.group() in "[{":
            depth += 1
            deepest = max(deepest, depth)
        else:
            depth -= 1
    return deepest


def _constant(name: str) -> float:
    if name == "NaN":
        raise ValueError("a NaN")
    return float(name)


def _refused(name: str) -> float:
    raise ValueError(f"{name}, which is no JSON")


def _frozen(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_frozen(item) for item in value)
    if isinstance(value, dict):
        return {key: _frozen(item) for key, item in value.items()}
    return value
