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


def printable(text: str) -> str:
    """Text from outside as it may be shown anywhere: what no page or terminal prints is escaped.

    Names in a file can hold what moves the cursor, ends a line, turns the direction of writing, or is no character at all.

    Parameters
    ----------
    text
        Of one line.

    Examples
    --------
    >>> print(printable("grün"), printable("a\\nerror: b\\x1b[2J"))
    grün a\\nerror: b\\x1b[2J
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


class TfsnnError(Exception):
    """Base of every error raised on purpose. Its message is one line, whatever names from files stand in it."""

    def __str__(self) -> str:
        return printable(super().__str__())


class InputError(TfsnnError, ValueError):
    """An argument, or data handed in, does not fit."""


class FileError(TfsnnError):
    """A file cannot be read, trusted or written."""


class ConversionError(TfsnnError):
    """A model cannot be converted; `problems` holds every reason, the message shows one per line."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(map(printable, problems))
        super().__init__("\n".join(self.problems))

    def __str__(self) -> str:
        return "\n".join(self.problems)


class RangeError(TfsnnError):
    """A number left the range in which arithmetic is exact."""


class BudgetError(TfsnnError):
    """What was asked for would take more memory than there is for it."""
