"""Pages with awkward content: twenty layers, long names, HTML in them, one output, masks, long streams."""

from __future__ import annotations

import json
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from tests.evaluate_parts import DELAY, by_channel, evaluated
from tests.nets import conv
from tests.nets import given as image
from tests.nets import network
from tfsnn.artifact import Net
from tfsnn.evaluate.live import page as stream_page
from tfsnn.evaluate.live.run import spread
from tfsnn.evaluate.pipeline import head, measure
from tfsnn.evaluate.report import content as report
from tfsnn.evaluate.report import frame, page
from tfsnn.evaluate.workload import prepare
from tfsnn.input.dataset import Dataset, Split
from tfsnn.network.ops import Conv
from tfsnn.plan.settings import Settings
from tfsnn.simulate import run

NASTY = "<script>alert(\"x\")</script> & 'half' <i>"
LONG = "block_12_expand_depthwise_separable_convolution_with_a_name_that_never_ends"


def classes() -> dict[str, Any]:
    """A report with twenty layers, a Keras model, times, and a frame."""
    workload, found, content = evaluated(frames=400)
    made = deepcopy(content)
    result = run(found.trials[0].result.plan, workload.events.sample(0), record=("trajectory", "events"))
    made["frame"] = frame.one_frame(workload, result, found.ann.outputs[0])
    made["dataset"]["name"] = f"digits {NASTY}"
    entry = made["baselines"]["ann"] | {"lost": 0.0}
    model = {"what": f"Keras, {NASTY}", "input": "raw samples", "keras": True, "notes": [NASTY], "name": "model.h5"}
    made["baselines"] |= {"original": entry | model, "float": entry}
    made["speed"] |= {"ms": {name: {"mean": 1.25, "median": 0.5, "p99": 2250.0} for name in ("event", "keras", "litert")}}
    layer, spikes = made["layers"][1], made["frame"]["spikes"][1]
    made["layers"] += [layer | {"name": f"{LONG}_{number}"} for number in range(15)] + [layer | {"name": NASTY}]
    made["frame"]["spikes"] += [spikes | {"name": f"{LONG}_{number}"} for number in range(16)]
    return made


def numbers() -> dict[str, Any]:
    """A report on a single output that is a number."""
    return deepcopy(evaluated(outputs=1)[2])


@cache
def _masks() -> dict[str, Any]:
    source = image(3, 3, 1)
    graph = network(source, conv("out", source, Conv(1, (1, 1)), f="linear"))
    raw = np.arange(36).reshape(4, 3, 3, 1).astype(np.uint8) % 5
    workload = prepare(Net(by_channel(graph)), Dataset("dots", DELAY, lambda name: Split(raw, (raw[..., 0] > 2).astype(np.float32))))
    found = measure(workload, [Settings(0.5, "absolute")])
    return head(workload, "tfsnn evaluate", None) | report.assemble(workload, found)


def masks() -> dict[str, Any]:
    """A report on an output that is a class for each pixel."""
    return deepcopy(_masks())


def stream(frames: int = 2000, decision: str = "values") -> dict[str, Any]:
    """What a stream of that many frames leaves behind, with names that are HTML."""
    rng = np.random.default_rng(0)
    outputs = np.cumsum(rng.normal(size=(frames, 2)), axis=0)
    series = {
        "operations": (1000 * rng.random(frames) * (rng.random(frames) > 0.5)).tolist(),
        "events": np.ones(frames).tolist(),
        "ms": (rng.random(frames) ** 4).tolist(),
        "read_ms": rng.random(frames).tolist(),
        "reference_ms": rng.random(frames).tolist(),
    }
    later = {name: spread(values) for name, values in series.items()}
    spent = max(later["operations"]["mean"], 1e-9)
    return {
        "title": f"{NASTY} on {LONG}.npy",
        "command": f"tfsnn stream {LONG}",
        "versions": {"tfsnn": "0.1.0"},
        "host": {},
        "time": "2026-11-26",
        "video": {"name": NASTY, "rate": 30.0, "ended": ""},
        "settings": {"threshold": 0.05, "encoder": NASTY, "quality": None},
        "decision": decision,
        "reference": "the float model, LiteRT float32, 1 thread",
        "notes": [NASTY],
        "fps": 100.0,
        "summary": {
            "frames": frames,
            "ended": "",
            "first_frame": {name: values[0] for name, values in series.items()},
            "later_frames": later,
            "dense_macs": 2400,
            "zero_skipping_macs": 1200.0,
            "reduction": {"dense": 2400 / spent, "zero_skipping": 1200 / spent},
            "fidelity": {"frames": frames, "same_decisions": 0.985} if decision == "classes" else None,
        },
        "series": {
            **series,
            "outputs": outputs.tolist() if decision != "mask" else [],
            "reference_frames": list(range(frames)),
            "reference": (outputs + 0.1).tolist() if decision == "values" else [],
        },
    }


NAMES = ("classes", "numbers", "masks", "stream of values", "stream of classes", "stream of mask", "short stream")


@cache
def every() -> dict[str, str]:
    """All of them as HTML, by :data:`NAMES`."""
    reports = {"classes": classes(), "numbers": numbers(), "masks": masks()}
    made = {name: page.render(json.loads(json.dumps(content))) for name, content in reports.items()}
    made |= {f"stream of {decision}": stream_page.page(stream(decision=decision)) for decision in ("values", "classes", "mask")}
    return made | {"short stream": stream_page.page(stream(1))}


def written(folder: Path) -> dict[str, Path]:
    """All of them as files, by name."""
    found = {}
    for name, html in every().items():
        found[name] = folder / f"{name.replace(' ', '_')}.html"
        found[name].write_text(html, encoding="utf-8")
    return found
