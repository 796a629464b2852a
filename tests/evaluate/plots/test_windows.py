"""The pictures of inference windows: files that are pictures, whatever recordings there are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.evaluate_parts import watched
from tfsnn.evaluate.plots.windows import draw, rates, snapshots
from tfsnn.input.encoder import Dvs
from tfsnn.input.recording import Recording

PNG = b"\x89PNG"


def test_draw(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = watched(monkeypatch, "tfsnn.evaluate.plots.windows")
    rows = [
        {"window": window, "threshold": threshold, "accuracy": 0.5, "operations_a_second": operations}
        for window in ("snapshots", "64 ms", "whole")
        for threshold, operations in ((0.1, 1e6), (0.2, 0.0))
    ]
    frames = {"value": 0.7, "macs_a_second": 1e8}
    draw({"rows": rows, "frame_based": frames, "settings": {"unit": "relative"}}, tmp_path / "windows.png")
    assert (tmp_path / "windows.png").read_bytes().startswith(PNG)
    ((figure, labels),) = kept
    # Numbers, no markup; and no line leads from a window to snapshots.
    assert "100" in labels and not any("$" in label for label in labels)
    assert labels[:3] == ["64 ms", "whole", "snapshots"]
    assert [len(line.get_xdata()) for line in figure.axes[0].lines[:4]] == [2, 1, 2, 1]


def test_recordings(tmp_path: Path) -> None:
    t = np.arange(50) * 4_000
    recordings = [(3, Recording(t, t % 7, t % 5, t // 4_000 % 2, 7, 5)), (1, Recording([9], [0], [0], [0], 7, 5))]
    for number, draw_them in enumerate((snapshots, rates)):
        draw_them(Dvs(), recordings, tmp_path / f"{number}.png")
        assert (tmp_path / f"{number}.png").read_bytes().startswith(PNG)
