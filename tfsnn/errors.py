"""Every exception that tfsnn raises on purpose.

Each message says where, what was found, what is allowed, and the way out. Anything else that reaches a user is a
defect of ours.
"""

from __future__ import annotations

from collections.abc import Sequence


def shown(value: object, width: int = 80) -> str:
    """A value as a message shows it: on one line, and short.

    Parameters
    ----------
    value
        Any object.
    width
        Characters at most.

    Examples
    --------
    >>> shown("slot"), shown([0] * 100, width=12)
    ("'slot'", '[0, 0, 0,...')
    """
    try:
        text = " ".join(repr(value).split())
    except ValueError:
        # Python refuses to write out whole numbers of thousands of digits.
        text = f"a number of type {type(value).__name__} with thousands of digits"
    return text if len(text) <= width else f"{text[: width - 3]}..."


class TfsnnError(Exception):
    """Base of every error raised on purpose."""


class InputError(TfsnnError, ValueError):
    """An argument, or data handed in, does not fit."""


class FileError(TfsnnError):
    """A file cannot be read, trusted or written."""


class ConversionError(TfsnnError):
    """A model cannot be converted; `problems` holds every reason, the message shows one per line."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class RangeError(TfsnnError):
    """A number left the range in which arithmetic is exact."""
