"""The public names: one set in __all__, in what imports, and in dir(); and no name pulls TensorFlow in at import."""

from __future__ import annotations

import subprocess
import sys
from importlib import metadata

import pytest

import tfsnn


@pytest.mark.parametrize("name", tfsnn.__all__)
def test_every_public_name_is_there_and_documented(name: str) -> None:
    found = getattr(tfsnn, name)
    assert found.__name__.removeprefix("tfsnn.") == name and found.__doc__ and callable(found)
    assert getattr(found, "__module__", "tfsnn.").startswith("tfsnn.")
    assert name in dir(tfsnn)


def test_public_names_are_sorted_and_complete() -> None:
    assert tfsnn.__all__ == sorted(set(tfsnn.__all__))
    assert {"Encoder", "Events", "Graph", "Net", "Result", "convert_model", "load", "save", "simulate"} <= set(tfsnn.__all__)


def test_the_version_is_that_of_the_package() -> None:
    assert tfsnn.__version__ == metadata.version("tfsnn") and "__version__" in dir(tfsnn)


def test_star_brings_what_all_says() -> None:
    names: dict[str, object] = {}
    exec("from tfsnn import *", names)
    assert set(tfsnn.__all__) <= set(names)


def test_every_error_is_public_and_one_family() -> None:
    for name in ("ConversionError", "FileError", "InputError", "RangeError"):
        assert issubclass(getattr(tfsnn, name), tfsnn.TfsnnError)
    assert issubclass(tfsnn.InputError, ValueError)


def test_a_name_that_is_not_there() -> None:
    with pytest.raises(AttributeError, match="module 'tfsnn' has no attribute 'convert_mode'; it offers .*convert_model, .*simulate"):
        tfsnn.convert_mode  # noqa: B018


def test_importing_the_names_needs_no_tensorflow() -> None:
    reading = "[getattr(tfsnn, n) for n in tfsnn.__all__ if n not in ('Stream', 'convert_model')]"
    code = f"import sys, tfsnn; {reading}; print(*{{'tensorflow', 'keras', 'numba'}} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
