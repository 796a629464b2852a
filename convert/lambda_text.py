"""The arithmetic of a Lambda layer, given by the user as text and never evaluated as Python.

`affine("x / 127.5 - 1")` gives (scale, shift) with scale * x + shift the same function. Allowed: numbers, one name, + -
* /, parentheses, unary minus and plus; the text is at most 200 characters long and nests at most 40 deep. Everything
else is refused.
"""

from __future__ import annotations

import ast
import math

from tfsnn.errors import InputError

_LONGEST = 200
_DEEPEST = 40
_ALLOWED = "write it with one name, numbers, + - * / and parentheses, as in 'x / 127.5 - 1'"


def affine(text: str) -> tuple[float, float]:
    """Return the scale and shift that a text of arithmetic means.

    Raises
    ------
    InputError
        The text is anything but an affine function of one name.

    Examples
    --------
    >>> affine("(x - 128) / 64")
    (0.015625, -2.0)
    """
    if len(text) > _LONGEST:
        raise InputError(f"lambda: found {len(text)} characters, at most {_LONGEST} are allowed; {_ALLOWED}")
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise InputError(f"lambda '{text}': not arithmetic ({type(error).__name__}); {_ALLOWED}") from error
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    if len(names) != 1:
        found = ", ".join(sorted(names)) or "none"
        raise InputError(f"lambda '{text}': found {len(names)} names ({found}); {_ALLOWED}")
    try:
        scale, shift = _line(tree.body, text, 0)
    except (ZeroDivisionError, OverflowError) as error:
        raise InputError(f"lambda '{text}': {error}; {_ALLOWED}") from error
    if not math.isfinite(scale) or not math.isfinite(shift):
        raise InputError(f"lambda '{text}': scale {scale}, shift {shift}, both must be finite; {_ALLOWED}")
    return scale, shift


def _line(node: ast.expr, text: str, depth: int) -> tuple[float, float]:
    """Return (scale, shift) of one node; a constant has scale 0."""
    if depth > _DEEPEST:
        raise InputError(f"lambda '{text}': nests deeper than {_DEEPEST}; {_ALLOWED}")
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)) and not isinstance(node.value, bool):
        return 0.0, float(node.value)
    if isinstance(node, ast.Name):
        return 1.0, 0.0
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
        scale, shift = _line(node.operand, text, depth + 1)
        return (-scale, -shift) if isinstance(node.op, ast.USub) else (scale, shift)
    if isinstance(node, ast.BinOp):
        return _joined(node, _line(node.left, text, depth + 1), _line(node.right, text, depth + 1), text)
    raise InputError(f"lambda '{text}': found {type(node).__name__}; {_ALLOWED}")


def _joined(node: ast.BinOp, left: tuple[float, float], right: tuple[float, float], text: str) -> tuple[float, float]:
    if isinstance(node.op, ast.Add):
        return left[0] + right[0], left[1] + right[1]
    if isinstance(node.op, ast.Sub):
        return left[0] - right[0], left[1] - right[1]
    if isinstance(node.op, ast.Mult) and 0.0 in (left[0], right[0]):
        return left[0] * right[1] + left[1] * right[0], left[1] * right[1]
    if isinstance(node.op, ast.Div) and right[0] == 0.0:
        return left[0] / right[1], left[1] / right[1]
    raise InputError(f"lambda '{text}': {type(node.op).__name__} of these is not affine; {_ALLOWED}")
