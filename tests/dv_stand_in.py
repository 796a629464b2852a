"""Stands in for iniVation's dv-processing: its names, and what they give of one recording, as version 2.0 does."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tfsnn.aliases import Array
from tfsnn.input.recording import Recording

COLUMNS = [("timestamp", "<i8"), ("x", "<i2"), ("y", "<i2"), ("polarity", "i1")]


class StandIn:
    """A file or a camera, events ``batch`` by ``batch``; of a camera now and then none.

    Parameters
    ----------
    recording, batch
        What it gives, and how many events at a time.
    fails
        What goes wrong behind the last one.
    endless
        It says that there is more when there is not.
    """

    def __init__(self, recording: Recording, batch: int, fails: Exception | None = None, endless: bool = False) -> None:
        self.recording, self.batch, self.fails, self.endless = recording, batch, fails, endless
        self.at, self.live, self.silent = 0, False, False

    def getEventResolution(self) -> tuple[int, int] | None:
        """Width and height; None where there is no stream of events."""
        return (self.recording.width, self.recording.height) if self.recording.width > 1 else None

    def isRunning(self) -> bool:
        """Whether more may come."""
        if self.at >= len(self.recording) and self.fails is not None:
            raise self.fails
        return self.endless or self.at < len(self.recording)

    def getNextEventBatch(self) -> Any:
        """The next events, or None."""
        self.silent = self.live and not self.silent
        if self.silent or self.at >= len(self.recording):
            return None
        some = slice(self.at, self.at + self.batch)
        self.at += self.batch
        events: Array = np.zeros(len(self.recording.t[some]), COLUMNS)
        for (name, _), column in zip(COLUMNS, "txyp"):
            events[name] = getattr(self.recording, column)[some]
        return SimpleNamespace(numpy=lambda: events)


def installed(monkeypatch: pytest.MonkeyPatch, source: StandIn | Exception) -> None:
    """Install a library that finds one camera, and opens any file; an error is raised instead."""

    def opened(what: object) -> StandIn:
        if isinstance(source, Exception):
            raise source
        source.live = what == "the one"
        return source

    camera = SimpleNamespace(discover=lambda: ["the one"], open=opened)
    monkeypatch.setitem(sys.modules, "dv_processing", SimpleNamespace(io=SimpleNamespace(MonoCameraRecording=opened, camera=camera)))
