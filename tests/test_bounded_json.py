"""JSON out of a file: parsed within bounds, or refused in one line that names the file and the field."""

from __future__ import annotations

import pytest

from tfsnn.bounded_json import parsed
from tfsnn.errors import FileError


def test_lists_become_tuples() -> None:
    assert parsed('{"a": [1, [2.5, null]]}', "x.h5", "field") == {"a": (1, (2.5, None))}


@pytest.mark.parametrize(
    ("text", "problem"),
    [("{", "x.h5: field"), ("[" * 200 + "]" * 200, "x.h5: field"), ('"' + "a" * (33 << 20) + '"', "x.h5: field")],
    ids=["cut", "deep", "long"],
)
def test_refusals(text: str, problem: str) -> None:
    with pytest.raises(FileError, match=problem):
        parsed(text, "x.h5", "field")
