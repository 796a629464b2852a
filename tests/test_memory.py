"""How much memory may be taken; large arrays have pages of their own, small ones do not."""

from __future__ import annotations

import mmap
from pathlib import Path

import numpy as np
import pytest

from tfsnn import memory
from tfsnn.errors import BudgetError, InputError
from tfsnn.memory import LEAST, afford, budget, empty, samples_within


@pytest.mark.parametrize("count", [0, 5, LEAST // 4 - 1, LEAST // 4, LEAST])
@pytest.mark.parametrize("dtype", ["<f4", ">f4"])
def test_large_arrays_have_pages_of_their_own(count: int, dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []

    class Pages(mmap.mmap):
        def __init__(self, file: int, length: int) -> None:
            made.append(length)

    monkeypatch.setattr("mmap.mmap", Pages)
    found = empty((count,), dtype)
    assert made == ([4 * count] if 4 * count >= LEAST else [])
    assert found.shape == (count,) and found.dtype == np.dtype(dtype) and found.flags.writeable
    found[:] = 3
    assert (found == 3).all()


def test_pages_are_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    pages = mmap.mmap(-1, 4 * LEAST)
    monkeypatch.setattr("mmap.mmap", lambda file, length: pages)
    found = empty((LEAST,), np.float32)
    with pytest.raises(BufferError, match="exported pointers exist"):
        pages.close()
    del found
    pages.close()
    assert pages.closed


@pytest.mark.parametrize(
    ("text", "size"), [("1000", 1000), ("2k", 2048), ("1.5G", 3 << 29), (" 4 GiB ", 4 << 30), ("500MB", 500 << 20), ("1T", 1 << 40)]
)
def test_the_budget_is_what_the_variable_says(text: str, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TFSNN_MEMORY", text)
    assert budget() == size


@pytest.mark.parametrize("text", ["much", "0", "-1G", "1 2", "nan", "1e9", "4X"])
def test_a_budget_that_is_no_size(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TFSNN_MEMORY", text)
    with pytest.raises(InputError, match=f"TFSNN_MEMORY is {text!r}; give a size above 0, as in 500M or 4G"):
        budget()


def test_the_budget_is_half_of_the_least_of_machine_container_and_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("TFSNN_MEMORY", raising=False)
    monkeypatch.setattr(memory, "_GROUPS", (str(tmp_path / "max"), str(tmp_path / "missing")))
    for machine, process, container, half in ((100, 80, "60", 30), (100, 40, "max", 20), (90, None, "max", 45), (None, None, "?", 4 << 30)):
        (tmp_path / "max").write_text(f"{container}\n")
        monkeypatch.setattr(memory, "_machine", lambda found=machine: found)
        monkeypatch.setattr(memory, "_process", lambda found=process: found)
        assert budget() == half


def test_a_limit_on_the_process_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resource.getrlimit", lambda kind: (5 << 30, 5 << 30))
    assert memory._process() == 5 << 30


def test_what_exceeds_the_budget_is_refused_before_it_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TFSNN_MEMORY", "1G")
    afford(1 << 30, "plan: a: its maps", "take less")
    message = (
        r"plan: a: its maps would take 1\.5 GiB of memory, 1\.0 GiB may be taken; take less, "
        r"or allow more with the environment variable TFSNN_MEMORY \(as in TFSNN_MEMORY=16G\) where the machine has it"
    )
    with pytest.raises(BudgetError, match=message):
        afford(3 << 29, "plan: a: its maps", "take less")


def test_as_many_samples_as_a_share_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TFSNN_MEMORY", "1G")
    assert samples_within(1 << 20, 4, 1000) == 256
    assert samples_within(1 << 20, 4, 50) == 50
    assert samples_within(1 << 40, 4, 50) == 1
