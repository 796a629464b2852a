"""The picture of inference windows: one file, with as many curves as thresholds."""

from __future__ import annotations

from pathlib import Path

from tfsnn.evaluate.plots.windows import draw


def test_draw(tmp_path: Path) -> None:
    rows = [
        {"window_ms": window, "threshold": threshold, "accuracy": 0.5, "operations_a_second": 1e6}
        for window in (64.0, None)
        for threshold in (0.1, 0.2)
    ]
    draw({"rows": rows, "frame_based": {"value": 0.7}, "settings": {"unit": "relative"}}, tmp_path / "windows.png")
    assert (tmp_path / "windows.png").read_bytes().startswith(b"\x89PNG")
