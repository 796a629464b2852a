"""Files of every format version load, give what they gave, and are written again as they were."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import pytest

from tests.evaluate_parts import evaluated
from tests.golden import make
from tfsnn.artifact import FORMAT_VERSION, load, save
from tfsnn.evaluate.report import page
from tfsnn.evaluate.report.content import FORMAT_VERSION as REPORT_VERSION

HERE = Path(make.__file__).parent


def read(name: str) -> Any:
    return json.loads((HERE / name).read_text(encoding="utf-8"))


def keys(content: Any, where: str = "") -> Iterator[str]:
    """Every field of a report, by its path; of a list, those of its first entry."""
    if isinstance(content, list):
        content = {"[]": content[0]} if content else {}
    if isinstance(content, dict):
        for name, value in content.items():
            yield f"{where}/{name}"
            yield from keys(value, f"{where}/{name}")


@pytest.mark.parametrize("version", range(1, FORMAT_VERSION + 1))
def test_an_artifact_of_every_version_gives_what_it_gave(version: int) -> None:
    found = load(HERE / f"net-{version}.snn.h5")
    assert make.expected(found) == read(f"net-{version}.json")
    assert found.provenance["command"] == "convert" and found.verification["samples"] == 1


def test_the_current_version_is_written_as_it_was(tmp_path: Path) -> None:
    save(make.net(), tmp_path / "net.snn.h5")
    with h5py.File(tmp_path / "net.snn.h5") as new, h5py.File(HERE / f"net-{FORMAT_VERSION}.snn.h5") as old:
        assert new.attrs["sha256"] == old.attrs["sha256"] and dict(new.attrs) == dict(old.attrs)


def test_what_is_pinned_is_no_silence() -> None:
    for name, found in read(f"net-{FORMAT_VERSION}.json").items():
        assert any(found["outputs"]) and all(found["ledger"]["received"][1:]), name


@pytest.mark.parametrize("version", range(1, REPORT_VERSION + 1))
def test_a_report_of_every_version_still_makes_a_page(version: int) -> None:
    assert "tfsnn evaluate NET.snn.h5" in page.render(read(f"report-{version}.json"))


def test_no_field_of_the_current_report_has_gone() -> None:
    now = json.loads(json.dumps(evaluated(thresholds=(0.1, 0.5))[2]))
    gone = set(keys(read(f"report-{REPORT_VERSION}.json"))) - set(keys(now)) - {"/host", "/time"}
    assert not gone, "raise FORMAT_VERSION, and run python -m tests.golden.make"


def test_making_them_again_replaces_nothing() -> None:
    before = {path.name: path.stat().st_mtime_ns for path in HERE.glob("*-*")}
    make.main()
    assert before and {path.name: path.stat().st_mtime_ns for path in HERE.glob("*-*")} == before
