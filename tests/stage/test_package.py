"""Packages that can be called: by their function, imported late, and nothing else becomes reachable."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import tfsnn
from tests.evaluate_parts import dataset, net


@pytest.mark.parametrize(("name", "module"), [("evaluate", "pipeline"), ("train", "run")])
def test_a_stage_is_called_as_its_function(monkeypatch: pytest.MonkeyPatch, name: str, module: str) -> None:
    def called(*args: Any, **settings: Any) -> Any:
        return args, settings

    package = getattr(tfsnn, name)
    assert getattr(package, name).__module__ == f"tfsnn.{name}.{module}" and name in dir(package)
    monkeypatch.setattr(sys.modules[f"tfsnn.{name}.{module}"], name, called)
    assert package(1, out="x") == ((1,), {"out": "x"})
    with pytest.raises(AttributeError, match=f"module 'tfsnn.{name}' has no attribute 'nothing'; it offers {name}"):
        package.nothing


def test_evaluating_from_python(tmp_path: Path) -> None:
    report = tfsnn.evaluate(net(), data=dataset(), out=tmp_path / "report", thresholds=[0.5], unit="absolute")
    assert report["format"] == "tfsnn-report" and (tmp_path / "report" / "report.html").exists()


def test_naming_a_stage_imports_nothing_heavy() -> None:
    heavy = "{'tensorflow', 'keras', 'matplotlib', 'numba', 'tqdm'}"
    code = f"import sys, tfsnn; tfsnn.train, tfsnn.evaluate; print(*{heavy} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == ""
