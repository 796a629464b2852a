"""Lambda arithmetic is read as arithmetic, and nothing else is."""

from __future__ import annotations

import pytest

from tfsnn.convert.lambda_text import affine
from tfsnn.errors import InputError


@pytest.mark.parametrize(
    ("text", "scale", "shift"),
    [
        ("x / 127.5 - 1", 1 / 127.5, -1.0),
        ("(x - 128) / 128", 1 / 128, -1.0),
        ("2 * image + 3", 2.0, 3.0),
        ("-(x * -0.5)", 0.5, 0.0),
        ("+x - x * 3", -2.0, 0.0),
        ("1 - x / 255", -1 / 255, 1.0),
        ("(1 + 1) * (x + 1) / 4", 0.5, 0.5),
        (" x\n", 1.0, 0.0),
        ("x * 1e-3", 1e-3, 0.0),
    ],
)
def test_arithmetic(text: str, scale: float, shift: float) -> None:
    assert affine(text) == pytest.approx((scale, shift))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not arithmetic"),
        ("x +", "not arithmetic"),
        ("x; x", "not arithmetic"),
        ("lambda x: x / 2", "found Lambda"),
        ("__import__('os').system('true')", "found Call"),
        ("x.real", "found Attribute"),
        ("x[0]", "found Subscript"),
        ("x if x else x", "found IfExp"),
        ("x ** 2", "Pow of these is not affine"),
        ("x // 2", "FloorDiv of these"),
        ("x @ x", "MatMult of these"),
        ("x * x", "Mult of these is not affine"),
        ("1 / x", "Div of these is not affine"),
        ("x / 0", "division by zero"),
        ("x * 'a'", "found Constant"),
        ("x * True", "found Constant"),
        ("x * 1j", "found Constant"),
        ("x < 2", "found Compare"),
        ("~x", "found UnaryOp"),
        ("x + y", r"found 2 names \(x, y\)"),
        ("3 + 4", r"found 0 names \(none\)"),
        ("x * 1e308 * 1e308", "both must be finite"),
        ("x" + "+1" * 200, "found 401 characters"),
        ("-" * 100 + "x", "nests deeper than 40"),
        ("x" + "+1" * 60, "nests deeper than 40"),
        ("x\0", "not arithmetic"),
    ],
)
def test_refusals(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        affine(text)
