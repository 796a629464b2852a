"""JSON out of a file: parsed within bounds, or refused in one line that names the file and the field."""

from __future__ import annotations

import pytest

from tfsnn.bounded_json import parsed
from tfsnn.errors import FileError


def test_lists_become_tuples() -> None:
    assert parsed('{"a": [1, [2.5, null]]}', "x.h5", "field") == {"a": (1, (2.5, None))}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[" + "[]," * 1_100_000 + "0]", "x.h5: field: found 1100001 lists and objects of 1100000 values, expected at most 1000000"),
        ("[" + "0," * 5_100_000 + "0]", "x.h5: field: found 1 lists and objects of 5100000 values"),
        ("{", "x.h5: field"), ("[" * 200 + "]" * 200, "x.h5: field"), ('"' + "a" * (33 << 20) + '"', "x.h5: field"),
    ],
    ids=["lists", "values", "cut", "deep", "long"],
)
def test_refusals(text: str, problem: str) -> None:
    with pytest.raises(FileError, match=problem):
        parsed(text, "x.h5", "field")
