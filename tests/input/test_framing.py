"""Framing: what it refuses, what a frame becomes, and that it survives JSON."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from tests.nets import dense, network
from tfsnn.artifact import Net, load, save
from tfsnn.errors import FileError, InputError
from tfsnn.input.encoder import Encoder
from tfsnn.input.framing import Framing
from tfsnn.network.nodes import Input
from tfsnn.network.ops import Reshape


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"size": (0, 3)}, r"framing: size is \(0, 3\); give \(height, width\)"),
        ({"size": (3, 2.5)}, "framing: size is"),
        ({"size": 7}, "framing: size is 7"),
        ({"size": (True, 3)}, "framing: size is"),
        ({"colour": "cmyk"}, "framing: colour is 'cmyk'; choose one of rgb, bgr, grey"),
        ({"colour": ["rgb"]}, "framing: colour is"),
        ({"crop": (0.5, 0, 0.5, 0)}, "framing: crop is .* top and bottom together below 1"),
        ({"crop": (-0.1, 0, 0, 0)}, "framing: crop is"),
        ({"crop": (float("nan"), 0, 0, 0)}, "framing: crop is"),
        ({"crop": (0, 0)}, "framing: crop is"),
        ({"interpolation": "best"}, "framing: interpolation is 'best'"),
        ({"every": 0}, "framing: every is 0; it must be a whole number, 1 or above"),
        ({"every": 2.0}, "framing: every is 2.0"),
    ],
)
def test_refuses(given: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Framing(**({"size": (2, 3)} | given))


def test_json_round_trip() -> None:
    framing = Framing((66, 200), "bgr", (0.25, 0, 0.125, 0), "area", 2)
    assert Framing.from_json(json.loads(json.dumps(framing.to_json()))) == framing
    with pytest.raises(InputError, match="framing: settings .*'zoom'.*; allowed are colour, crop, every"):
        Framing.from_json({"size": [2, 3], "zoom": 1})
    with pytest.raises(InputError, match="framing: settings list; allowed"):
        Framing.from_json([])


def test_crops_what_it_says() -> None:
    frame = np.arange(10 * 8 * 3, dtype=np.uint8).reshape(10, 8, 3)
    np.testing.assert_array_equal(Framing((5, 6), crop=(0.4, 0.25, 0.1, 0)).apply(frame), frame[4:9, 2:])
    assert Framing((1, 1), crop=(0.5, 0.5, 0.49, 0.49)).window(1, 1) == (0, 0, 1, 1)


@pytest.mark.parametrize("dtype", ["uint8", "int64", "float32"])
@pytest.mark.parametrize("channels", [1, 3])
def test_resizes(dtype: str, channels: int) -> None:
    pytest.importorskip("cv2")
    frame = np.repeat(np.repeat(np.arange(channels * 6).reshape(2, 3, channels), 4, 0), 4, 1).astype(dtype)
    small = Framing((2, 3), "rgb" if channels == 3 else "grey", interpolation="area").apply(frame)
    np.testing.assert_array_equal(small, np.arange(channels * 6).reshape(2, 3, channels))


def test_without_opencv(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(InputError, match=r"resizing a frame needs OpenCV, which is not installed; pip install 'tfsnn\[video\]'"):
        Framing((2, 3)).apply(np.zeros((4, 6, 3), np.uint8))
    assert Framing((4, 6)).apply(np.zeros((4, 6, 3), np.uint8)).shape == (4, 6, 3)


def test_travels_in_the_artifact(tmp_path: Path) -> None:
    image = Input("in", (4, 6, 3), Encoder("delta"), Framing((4, 6), "bgr", (0.25, 0, 0, 0), every=2))
    graph = network(image, dense("out", image, 2, relays=(Reshape((72,)),)))
    save(Net(graph), tmp_path / "net.snn.h5")
    assert load(tmp_path / "net.snn.h5").graph.inputs == (image,)
    with pytest.raises(InputError, match=r"graph: in: shape \(4, 6, 3\); expected \(4, 6, 1\)"):
        network(replace(image, framing=Framing((4, 6), "grey")), graph.nodes[1])
    for wrong, message in (({"size": [4, 6], "colour": "pink"}, "colour is 'pink'"), ({}, "size is needed"), (7, "settings int")):
        forged = tmp_path / "forged.snn.h5"
        forged.write_bytes((tmp_path / "net.snn.h5").read_bytes())
        with h5py.File(forged, "r+") as file:
            described = json.loads(file["graph"][()])
            described["nodes"][0]["framing"] = wrong
            del file["graph"]
            file.create_dataset("graph", data=np.bytes_(json.dumps(described).encode()))
        with pytest.raises(FileError, match=f"forged.snn.h5: /graph: framing: .*{message}"):
            load(forged)
