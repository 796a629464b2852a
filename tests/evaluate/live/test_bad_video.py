"""Videos that cannot be used, by the commands: one clear line and nothing written, or a clean end with everything before it reported."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.camera_parts import camera_net, frames
from tfsnn import artifact
from tfsnn.__main__ import main
from tfsnn.artifact import Net

cv2: Any = pytest.importorskip("cv2")
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def net(tmp_path: Path) -> str:
    artifact.save(Net(camera_net()), tmp_path / "net.snn.h5")
    return str(tmp_path / "net.snn.h5")


def avi(path: Path) -> bytes:
    """The bytes of a video of 30 frames that lies there."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 10.0, (64, 48))
    for number in range(30):
        writer.write(np.full((48, 64, 3), 5 * number, np.uint8))
    writer.release()
    return path.read_bytes()


def written(folder: Path, name: str) -> str:
    """A video of this name that cannot be used."""
    path, video = folder / name, frames(8)
    nan, huge = video.astype(np.float64), video.astype(np.float64)
    nan[0, 0, 0, 0], huge[0] = np.nan, 1e12
    arrays = {
        "flat.npy": video[..., 0], "grey.npy": video[..., :1], "none.npy": video[:0], "nan.npy": nan, "huge.npy": huge,
        "complex.npy": video.astype(complex), "words.npy": np.array([["a"]]),
    }  # fmt: skip
    if name in arrays:
        np.save(path, arrays[name])
    elif name == "two.npz":
        np.savez(path, a=video, b=video)
    elif name == "cut.npy":
        np.save(folder / "whole.npy", video)
        path.write_bytes((folder / "whole.npy").read_bytes()[:-100])
    elif name == "codec.avi":
        path.write_bytes(avi(folder / "whole.avi").replace(b"MJPG", b"ZZZZ"))
    elif name == "folder":
        path.mkdir()
    elif name != "missing.mp4":
        path.write_bytes(b"" if name.startswith("empty") else b"no video at all")
    return str(path)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("flat.npy", "flat.npy: is uint8 of shape (8, 6, 7); expected (frames, height, width, channels); grey ones as colours: np.repeat("),
        ("grey.npy", "grey.npy: frame 0 has shape (6, 7, 1); colour 'bgr' takes (height, width, 3)"),
        ("none.npy", "none.npy: holds no frame that can be read; give a video with one at least"),
        ("nan.npy", "nan.npy: frame 0 holds NaN or infinity; replace them first"),
        ("huge.npy", "gives payloads beyond 2^24; raise step or lower scale"),
        ("complex.npy", "complex.npy: frame 0 is complex128; give whole numbers or floats"),
        ("words.npy", "words.npy: is <U1 of shape (1, 1)"),
        ("two.npz", "two.npz: holds 2 arrays of shape (frames, height, width, channels), not 1; store one alone"),
        ("cut.npy", "cut.npy: cannot be read as an array of frames"),
        ("empty.npy", "empty.npy: is empty; give a video with one frame at least"),
        ("empty.mp4", "empty.mp4: is empty; give a video with one frame at least"),
        ("words.mp4", "words.mp4: OpenCV cannot open it: damaged, no video, or of a codec that it lacks"),
        ("codec.avi", "codec.avi: OpenCV cannot open it: damaged, no video, or of a codec that it lacks"),
        ("folder", "folder: holds no image"),
        ("missing.mp4", "missing.mp4: no such file or folder; give a video"),
    ],
)
def test_one_clear_line(net: str, tmp_path: Path, capsys: Capture, name: str, message: str) -> None:
    table, out = tmp_path / "rows.csv", tmp_path / "report"
    assert main(["stream", net, written(tmp_path, name), "--csv", str(table), "--out", str(out)]) == 2
    said, complaint = capsys.readouterr()
    assert said == "" and complaint.startswith("error: ") and complaint.count("\n") == 1 and message in complaint
    assert not out.exists()
    if name in ("nan.npy", "empty.mp4", "codec.avi", "grey.npy", "none.npy"):
        assert main(["evaluate", net, "--data", str(tmp_path / name), "--thresholds", "0.1", "--out", str(out)]) == 2
        said, complaint = capsys.readouterr()
        assert said == "" and complaint.count("\n") == 1 and message in complaint and not out.exists()


@pytest.mark.parametrize("command", [["stream"], ["evaluate", "--thresholds", "0.1"]])
def test_no_name_is_not_the_folder_at_hand(
    net: str, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    cv2.imwrite(str(tmp_path / "0.png"), np.zeros((6, 7, 3), np.uint8))
    monkeypatch.chdir(tmp_path)
    line = [command[0], net, *(["--data"] if command[0] == "evaluate" else []), "", *command[1:], "--out", str(tmp_path / "report")]
    assert main(line) == 2
    said, complaint = capsys.readouterr()
    assert said == "" and complaint.count("\n") == 1 and "an empty name" in complaint


def test_a_file_that_breaks_off_ends_both_commands_cleanly(net: str, tmp_path: Path, capsys: Capture) -> None:
    whole = avi(tmp_path / "whole.avi")
    path, out = tmp_path / "cut.avi", tmp_path / "report"
    path.write_bytes(whole[: 2 * len(whole) // 3])
    assert main(["stream", net, str(path), "--out", str(out), "--csv", str(tmp_path / "rows.csv")]) == 0
    said, content = capsys.readouterr().out, json.loads((out / "stream.json").read_text())
    count = content["summary"]["frames"]
    assert 0 < count < 30 and f"cut.avi ends after {count} of the 30 frames that it announces" in said
    assert (tmp_path / "rows.csv").read_text().count("\n") == count + 1
    assert main(["evaluate", net, "--data", str(path), "--thresholds", "0.1", "--out", str(tmp_path / "other")]) == 0
    assert f"cut.avi ends after {count} of the 30 frames that it announces" in capsys.readouterr().out


def test_a_folder_whose_images_change_size_ends_with_a_report(net: str, tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "images").mkdir()
    for number in range(6):
        cv2.imwrite(str(tmp_path / "images" / f"{number}.png"), np.zeros((48, 64 if number < 4 else 60, 3), np.uint8))
    out = tmp_path / "report"
    assert main(["stream", net, str(tmp_path / "images"), "--out", str(out)]) == 2
    assert "error: images: frame 4 is 60x48, those before it are 64x48; cut the video where its size changes" in capsys.readouterr().out
    assert json.loads((out / "stream.json").read_text())["summary"]["frames"] == 4


def test_a_file_whose_size_changes_keeps_the_size_it_began_with(net: str, tmp_path: Path, capsys: Capture) -> None:
    sizes = [(48, 64)] * 5 + [(24, 32)] * 5
    images = [np.full((*size, 3), 20 * number, np.uint8) for number, size in enumerate(sizes)]
    (tmp_path / "change.mjpeg").write_bytes(b"".join(cv2.imencode(".jpg", image)[1].tobytes() for image in images))
    assert main(["stream", net, str(tmp_path / "change.mjpeg"), "--annotate", str(tmp_path / "out.avi")]) == 0
    assert capsys.readouterr().out.startswith("10 frames of change.mjpeg: ")
    assert cv2.VideoCapture(str(tmp_path / "out.avi")).get(cv2.CAP_PROP_FRAME_COUNT) == 10
