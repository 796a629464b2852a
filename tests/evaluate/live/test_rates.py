"""`tfsnn evaluate --rates`: one scene at several frame rates; thresholds are chosen on other frames than are reported."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.camera_parts import camera_net, frames
from tests.nets import conv, dense, network
from tfsnn import artifact
from tfsnn.__main__ import main
from tfsnn.artifact import Net
from tfsnn.errors import InputError
from tfsnn.evaluate.live.rates import numbers
from tfsnn.evaluate.live.rates_page import sentences
from tfsnn.input.encoder import Encoder
from tfsnn.input.framing import Framing
from tfsnn.input.road import Drive, Scene
from tfsnn.network.nodes import Input
from tfsnn.network.ops import Conv, Reshape
from tfsnn.stream import Stream

Capture = pytest.CaptureFixture[str]


def road_net() -> Net:
    """(33, 100, 3) - convolution - dense 1."""
    rng = np.random.default_rng(5)
    image = Input("in", (33, 100, 3), Encoder("delta", threshold=0.02), Framing((33, 100)))
    first = conv("first", image, Conv(2, (5, 5), (4, 4)), rng.integers(-9, 10, (5, 5, 3, 2)), bias=0.1)
    size = int(np.prod(first.shape))
    return Net(network(image, first, dense("out", first, 1, rng.integers(-9, 10, (size, 1)), relays=(Reshape((size,)),), f="linear")))


def test_more_frames_a_second_cost_less_each(tmp_path: Path, capsys: Capture) -> None:
    net = road_net()
    artifact.save(net, tmp_path / "net.snn.h5")
    line = ["evaluate", str(tmp_path / "net.snn.h5"), "--data", "road_small", "--rates", "40,10", "--seconds", "0.4", "--noise", "1"]
    assert main([*line, "--thresholds", "0.05,0.1", "--quality", "0.001", "--out", str(tmp_path / "rates")]) == 0
    said = capsys.readouterr().out
    assert "From 10 to 40 frames a second the operations of a frame fall from " in said and "wrote " in said
    content = json.loads((tmp_path / "rates" / "rates.json").read_text())
    slow, fast = content["rates"]
    assert (slow["rate"], fast["rate"], slow["frames"], fast["frames"]) == (10, 40, 8, 32)
    assert fast["operations"]["mean"] < slow["operations"]["mean"]
    live, operations = Stream(net, threshold=slow["threshold"]), []
    for seed in (1000, 1001):
        live.reset()
        for frame, _ in Drive(seed, Scene(33, 100, noise=1)).frames(10.0, 4):
            live.step(frame)
            operations.append(int(live.ledger.synaptic_operations.sum()))
    assert slow["operations"]["mean"] == np.mean(np.delete(operations, [0, 4]))
    assert slow["reduction"]["dense"] == content["dense_macs"] / slow["operations"]["mean"]
    assert (tmp_path / "rates" / "report.html").read_text().count("<figure>") == 2


def test_every_nth_frame_of_a_video(tmp_path: Path, capsys: Capture) -> None:
    cv2 = pytest.importorskip("cv2")
    artifact.save(Net(camera_net()), tmp_path / "net.snn.h5")
    writer = cv2.VideoWriter(str(tmp_path / "clip.avi"), cv2.VideoWriter_fourcc(*"MJPG"), 30.0, (70, 60))
    for frame in frames(40):
        writer.write(cv2.resize(frame, (70, 60), interpolation=cv2.INTER_NEAREST))
    writer.release()
    line = ["evaluate", str(tmp_path / "net.snn.h5"), "--data", str(tmp_path / "clip.avi"), "--out", str(tmp_path / "rates")]
    assert main([*line, "--rates", "30,10", "--first", "10", "--decide", "values", "--thresholds", "0.1"]) == 0
    content = json.loads((tmp_path / "rates" / "rates.json").read_text())
    assert [(row["rate"], row["frames"]) for row in content["rates"]] == [(10.0, 11), (30.0, 30)]
    assert "rms_error" in content["rates"][0]["error"]
    assert sentences(content)[1].endswith(" of the integer ANN on the first 10 frames, of which each rate has its share.")
    capsys.readouterr()
    assert main([*line, "--rates", "20", "--force"]) == 2
    assert "--rates 20: clip.avi has 30 frames a second; every n-th frame gives 30, 15, 10, 7.5" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--rates", "10"], "--rates: frames of road_small have shape (33, 100, 3), the network's input (6, 7, 3)"),
        (["--rates", "ten"], "--rates 'ten'; give frames a second with commas between"),
        (["--rates", "0"], "--rates 0; give frames a second from 0.01 to 100000"),
        (["--rates", "10", "--seconds", "-1"], "--seconds -1; give a positive number up to 3600"),
        (["--rates", "10", "--noise", "-1"], "--noise -1; give levels from 0 to 255"),
        (["--rates", "10", "--first", "8"], "--first: goes with a video; leave it out"),
        (["--rates", "10", "--every", "2"], "--every: does not go with --rates; leave it out"),
        (["--noise", "1"], "--noise: goes with --rates"),
        (["--rates", "10", "--data", "digits"], "--rates: digits is no video and no generated road; give one of road, road_small"),
        (["--rates", "10", "--data", "VIDEO"], "--rates: video.npy does not say how many frames it has a second"),
    ],
)
def test_one_clean_line(tmp_path: Path, capsys: Capture, options: list[str], message: str) -> None:
    artifact.save(Net(camera_net(1)), tmp_path / "net.snn.h5")
    np.save(tmp_path / "video.npy", frames(4))
    words = [str(tmp_path / "video.npy") if word == "VIDEO" else word for word in options]
    line = ["evaluate", str(tmp_path / "net.snn.h5"), "--data", "road_small", "--out", str(tmp_path / "report")]
    assert main([*line, *words]) == 2
    said, complaint = capsys.readouterr()
    assert said == "" and complaint.count("\n") == 1 and message in complaint and not (tmp_path / "report").exists()


def test_numbers() -> None:
    with pytest.raises(InputError, match="--rates nan; give frames a second from 0.01"):
        numbers("nan")
