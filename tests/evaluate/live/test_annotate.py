"""``--annotate``: a frame of the video for each row, whole up to the last one however the stream ends, or one clear error."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import namedtuple
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.camera_parts import camera_net, frames
from tests.limited import limited
from tfsnn import artifact
from tfsnn.__main__ import main
from tfsnn.artifact import Net
from tfsnn.errors import InputError
from tfsnn.evaluate.live.annotate import (
    CODECS,
    WIDTH,
    Annotation,
    annotated,
    enlarged,
    lines_of,
    refuse_annotation,
    tinted,
    with_text,
)
from tfsnn.evaluate.live.decisions import Decision
from tfsnn.evaluate.live.run import Row
from tfsnn.input.framing import Framing
from tfsnn.input.video import Video

cv2: Any = pytest.importorskip("cv2")
Capture = pytest.CaptureFixture[str]
Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    """A network and a video."""
    artifact.save(Net(camera_net()), tmp_path / "net.snn.h5")
    np.save(tmp_path / "video.npy", frames(40))
    return str(tmp_path / "net.snn.h5"), str(tmp_path / "video.npy")


def pictures(path: Path) -> list[Any]:
    """The frames of a video file."""
    source, found = cv2.VideoCapture(str(path)), []
    while (read := source.read())[0]:
        found.append(read[1])
    source.release()
    return found


def row(operations: int = 15) -> Row:
    return Row(1999, 1.0, 0.00125, 0.0, 1, operations, np.array([0.0, np.log(3.0)]))


@pytest.mark.parametrize("ending", list(CODECS))
def test_every_frame_is_there_with_its_text(files: tuple[str, str], tmp_path: Path, capsys: Capture, ending: str) -> None:
    path = tmp_path / "new" / f"out{ending}"
    line = ["stream", *files, "--frames", "12", "--annotate", str(path), "--pace", "2000", "--out", str(tmp_path / "report")]
    assert main(line) == 0
    said, complaints = capsys.readouterr()
    assert f"wrote {path} and {tmp_path / 'report' / 'report.html'}" in said and "FFmpeg" not in complaints and "OpenCV" not in complaints
    found = pictures(path)
    assert len(found) == 12 and found[0].shape == (552, 644, 3)
    # Where no text is, each pixel is one of the frame's, as large as the factor says; codecs blur a little.
    for shown, frame in zip(found, frames(12)):
        difference = np.abs(shown[46:460:92, 46::92].astype(int) - frame[:5])
        assert np.median(difference) < 12
    assert (found[0][500:] > 200).any() and np.median(found[0][500:]) < 80
    assert json.loads((tmp_path / "report" / "stream.json").read_text())["annotated"] == path.name
    assert [child.name for child in path.parent.iterdir()] == [path.name]
    assert main(line[:-2]) == 2
    assert "exists already; choose another name, or overwrite with --force" in capsys.readouterr().err


@pytest.mark.parametrize(("rate", "shown"), [(1e6, 480.0), (0.001, 0.1), (29.97, 29.97), (None, 25.0)])
@pytest.mark.parametrize("ending", list(CODECS))
def test_rate(tmp_path: Path, ending: str, rate: float | None, shown: float) -> None:
    path, video = tmp_path / f"out{ending}", Video("frames", Framing((6, 7), "bgr"))
    with annotated(path, video, Decision("values", (2,)), 600, rate) as draw:
        for frame in frames(30):
            video.latest = frame
            draw(row())
    source = cv2.VideoCapture(str(path))
    assert source.get(cv2.CAP_PROP_FPS) == pytest.approx(shown) and len(pictures(path)) == 30


def test_lines() -> None:
    shares, values = Decision("classes", (2,), softmax=True), Decision("values", (2,))
    assert lines_of(row(), shares, 600) == ["frame 2,000   class 1 (75.0 %)", "15 operations, 40.0 times fewer than dense, 1.25 ms"]
    assert lines_of(row(1200), values, 600)[1] == "1,200 operations, 2.0 times as many as dense, 1.25 ms"
    assert lines_of(row(0), values, 600) == ["frame 2,000   0, 1.099", "0 operations, 1.25 ms"]


def test_pictures_are_large_enough_and_even() -> None:
    assert enlarged(np.zeros((66, 200, 3), np.uint8)).shape == (264, 800, 3)
    assert enlarged(np.zeros((481, 641, 3), np.uint8)).shape == (482, 642, 3)
    assert enlarged(np.zeros((1080, 1920, 3), np.uint8)).shape == (1080, 1920, 3)
    assert max(enlarged(np.zeros((3000, 2, 3), np.uint8)).shape) == 3000
    white = np.full((480, WIDTH, 3), 255, np.uint8)
    for text in ("short", "a line that is much longer than what fits in the width of a frame " * 3):
        drawn = with_text(white, ["", text])
        assert (drawn[:320] == 255).all() and (drawn[-160:] < 255).any() and (white == 255).all()
        # Nothing of the text is cut off at the right.
        assert (drawn[-10:, -4:] < 100).all()


def test_mask_lies_where_the_network_looks() -> None:
    mask = np.array([[True, False]])
    drawn = tinted(np.zeros((4, 8, 3), np.uint8), mask, Framing((1, 2), crop=(0.5, 0, 0, 0.5)))
    assert (drawn[2:, :2] == (0, 100, 0)).all() and drawn.sum() == 2 * 2 * 100


@pytest.mark.parametrize(
    ("colour", "pixels", "expected"),
    [
        ("bgr", np.array([10, 20, 30], np.uint8), (10, 20, 30)),
        ("rgb", np.array([10, 20, 30], np.uint8), (30, 20, 10)),
        ("grey", np.array([200], np.uint8), (200, 200, 200)),
        ("bgr", np.array([0.0, 0.5, 1.0]), (0, 128, 255)),
        ("bgr", np.array([0, 1000, 2000], np.uint16), (0, 128, 255)),
        ("bgr", np.array([0, 100, 200], np.int32), (0, 100, 200)),
        ("bgr", np.array([-3.0, 0.0, 0.0]), (0, 0, 0)),
    ],
)
def test_pixels_of_any_kind(tmp_path: Path, colour: str, pixels: Any, expected: tuple[int, ...]) -> None:
    video = Video("frames", Framing((64, 640), colour))
    made = Annotation(tmp_path / "out.avi", tmp_path / "out.avi", video, Decision("values", (2,)), 600, 25.0)
    video.latest = np.broadcast_to(pixels, (64, 640, len(pixels)))
    made.take(row())
    made.close()
    made.check()
    assert np.abs(pictures(tmp_path / "out.avi")[0][10, 320].astype(int) - expected).max() <= 6


def test_refused_before_anything_is_read(files: tuple[str, str], tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, message in (("out.gif", "--annotate .*out.gif: ending '.gif'; give one of .mp4, .mov, .avi"), ("out", "ending ''")):
        with pytest.raises(InputError, match=message):
            refuse_annotation(tmp_path / name, files[1])
    (tmp_path / "video.avi").write_bytes(b"x")
    with pytest.raises(InputError, match="video.avi: is the video that is read; choose another name"):
        refuse_annotation(tmp_path / "video.avi", str(tmp_path / "video.avi"))
    monkeypatch.setitem(CODECS, ".mp4", "none")
    assert main(["stream", *files, "--annotate", str(tmp_path / "out.mp4")]) == 2
    complaint = capsys.readouterr().err
    assert "out.mp4: OpenCV has no codec none here, or cannot write the file; try one of .mov, .avi" in complaint
    assert complaint.count("\n") == 1
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(InputError, match="--annotate .*out.avi needs OpenCV, which is not installed"):
        refuse_annotation(tmp_path / "out.avi", files[1])
    assert not list(tmp_path.glob("out*"))


def test_a_source_that_ends_with_an_error_leaves_a_whole_video(files: tuple[str, str], tmp_path: Path, capsys: Capture) -> None:
    video = frames(9).astype(np.float64)
    video[7, 0, 0, 0] = np.nan
    np.save(tmp_path / "nan.npy", video)
    assert main(["stream", files[0], str(tmp_path / "nan.npy"), "--annotate", str(tmp_path / "out.mp4")]) == 2
    assert "frame 7 holds NaN" in capsys.readouterr().out and len(pictures(tmp_path / "out.mp4")) == 7


def test_interrupted_while_drawing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    video = Video("frames", Framing((6, 7), "bgr"))
    video.latest = frames(1)[0]
    made = Annotation(tmp_path / "out.avi", tmp_path / "out.avi", video, Decision("values", (2,)), 600, 25.0)
    made.take(row())
    calls = []

    def interrupted(*_: Any) -> list[str]:
        calls.append(1)
        if len(calls) == 1:
            raise KeyboardInterrupt
        return ["", ""]

    monkeypatch.setattr("tfsnn.evaluate.live.annotate.lines_of", interrupted)
    with pytest.raises(KeyboardInterrupt, match="^$"):
        made.take(row())
    made.close()
    made.check()
    assert made.frames == len(pictures(tmp_path / "out.avi")) == 2


def test_full_disk_ends_the_stream_with_a_whole_video(
    files: tuple[str, str], tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = iter([1 << 40] * 5)
    monkeypatch.setattr(shutil, "disk_usage", lambda place: Usage(1 << 40, 0, next(room, 100)))
    out = tmp_path / "report"
    assert main(["stream", *files, "--annotate", str(tmp_path / "out.mp4"), "--out", str(out)]) == 2
    assert "out.mp4: the disk is full, less than 8 MB are left; it ends after 5 frames: make room" in capsys.readouterr().out
    assert len(pictures(tmp_path / "out.mp4")) == 5 and (out / "report.html").is_file()


@pytest.mark.parametrize("ending", list(CODECS))
def test_what_was_not_written_is_noticed(files: tuple[str, str], tmp_path: Path, ending: str) -> None:
    out, path = tmp_path / "report", tmp_path / f"out{ending}"
    code = "resource.setrlimit(resource.RLIMIT_FSIZE, (150000, 150000))\nfrom tfsnn.__main__ import main\nsys.exit(main(sys.argv[1:]))"
    ended = limited(code, "stream", *files, "--annotate", str(path), "--out", str(out), budget="2G", memory=12 << 30)
    assert f"out{ending}: 40 frames were written and cannot be read again: the disk is full" in ended.out and ended.code == 2
    assert "wrote" in ended.out and "wrote " + str(path) not in ended.out
    assert not path.exists() and json.loads((out / "stream.json").read_text())["annotated"] is None


def test_interrupt_leaves_a_whole_video(files: tuple[str, str], tmp_path: Path) -> None:
    path, table = tmp_path / "out.mp4", tmp_path / "rows.csv"
    line = [sys.executable, "-m", "tfsnn", "stream", *files, "--csv", str(table), "--annotate", str(path), "--pace", "5"]
    process = subprocess.Popen(line, env=os.environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    for _ in range(1200):
        time.sleep(0.1)
        if table.exists() and table.read_text().count("\n") > 3:
            break
    assert not path.exists()
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 130 and "interrupted" in said
    assert len(pictures(path)) == table.read_text().count("\n") - 1
