"""The charts of a replayed recording of an event camera, from what stream.json holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tfsnn.aliases import Floats

from .chart import BLUE, GREEN, GREY, ORANGE, PURPLE, Chart
from .timeline import Course, timeline

COLOURS = (BLUE, ORANGE, GREEN, PURPLE)
"""As many outputs are drawn at most."""
Content = Mapping[str, Any]


def operations(content: Content) -> Chart:
    """Operations a second of signal."""
    seconds, spent = _seconds(content), np.asarray(content["series"]["operations"], np.float64)
    course = Course("synaptic operations", content["series"]["stop_s"], spent / seconds, BLUE)
    text = "Where nothing moves, nothing is computed."
    return timeline("Operations over time", text, ("second of signal", "operations a second"), [course], zero=True)


def events(content: Content) -> Chart:
    """Events a second of signal, of the camera and of the network's input."""
    seconds, series = _seconds(content), content["series"]
    courses = [
        Course(name.replace("_", " "), series["stop_s"], np.asarray(series[name], np.float64) / seconds, colour)
        for name, colour in (("camera_events", GREY), ("input_events", BLUE))
    ]
    text = "What the camera sent, and what the leaky population made of it."
    return timeline("Events over time", text, ("second of signal", "events a second"), courses, zero=True)


def outputs(content: Content) -> Chart | None:
    """The outputs at the end of each period; None of masks."""
    if content["decision"] == "mask":
        return None
    values = np.asarray(content["series"]["outputs"], np.float64)
    # Those that were largest at some time come first.
    highest = sorted(np.argsort(-values.max(axis=0), kind="stable")[: len(COLOURS)].tolist())
    courses = [Course(f"output {at}", content["series"]["stop_s"], values[:, at], colour) for at, colour in zip(highest, COLOURS)]
    text = "The network's outputs at the end of each period, softmax not applied."
    return timeline("Outputs over time", text, ("second of signal", "output"), courses)


def _seconds(content: Content) -> Floats:
    series = content["series"]
    found: Floats = np.maximum(np.asarray(series["stop_s"], np.float64) - np.asarray(series["start_s"], np.float64), 1e-6)
    return found
