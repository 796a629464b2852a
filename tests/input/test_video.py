"""Video: every source gives the same frames; what cannot be used is an error of one line, what breaks off ends and is said."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests import data_folder
from tfsnn.errors import InputError
from tfsnn.input.framing import Framing
from tfsnn.input.video import first_frames, is_video, natural, open_video

WIDE = Framing((6, 8), "bgr")


def moving(count: int = 12) -> Any:
    """Frames (count, 6, 8, 3) of which each has a level of its own, blue unlike red."""
    frames = np.zeros((count, 6, 8, 3), np.uint8)
    frames[..., 0] = np.arange(count)[:, None, None] * 10
    frames[..., 2] = 200
    return frames


def write(path: Path, frames: Any) -> Path:
    """A Motion JPEG file, which every OpenCV reads and writes."""
    cv2 = pytest.importorskip("cv2")
    height, width = frames.shape[1:3]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 20.0, (width, height))
    for frame in frames:
        writer.write(frame)
    writer.release()
    return path


def large(count: int = 12) -> Any:
    return np.repeat(np.repeat(moving(count), 8, axis=1), 8, axis=2)


def test_file(tmp_path: Path) -> None:
    path = write(tmp_path / "moving.avi", large())
    with open_video(path, Framing((48, 64), "bgr")) as video:
        assert (video.name, video.count, video.rate) == ("moving.avi", 12, 20.0)
        found = np.stack(list(video))
    assert np.abs(found.astype(int) - large()).max() < 12 and video.ended == ""
    assert list(video) == []
    with open_video(path, Framing((48, 64), "rgb", every=5)) as video:
        assert (video.count, video.rate) == (3, 4.0)
        np.testing.assert_array_equal(np.stack(list(video)), found[::5, ..., ::-1])
    grey = first_frames(path, Framing((6, 8), "grey"), 4)
    assert grey.shape == (4, 6, 8, 1) and np.diff(grey[:, 0, 0, 0]).min() >= 0


def test_file_that_breaks_off(tmp_path: Path) -> None:
    content = write(tmp_path / "moving.avi", np.random.default_rng(0).integers(0, 256, (30, 48, 64, 3), np.uint8)).read_bytes()
    cut = tmp_path / "cut.avi"
    # The header, which the writer completes at the end, still announces 30 frames.
    cut.write_bytes(content[: len(content) * 2 // 3])
    with open_video(cut, Framing((48, 64))) as video:
        count = len(list(video))
    assert 10 < count < 30
    assert video.ended == f"cut.avi ends after {count} of the 30 frames that it announces: it was cut off, or is damaged"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("none.mp4", None, "none.mp4: no such file or folder; give a video, a folder of images, or the number of a camera"),
        ("empty.mp4", b"", "empty.mp4: is empty; give a video with one frame at least"),
        ("noise.mp4", bytes(range(256)) * 40, "noise.mp4: OpenCV cannot open it: damaged, no video, or of a codec that it lacks"),
        ("noise.npy", bytes(range(256)), "noise.npy: cannot be read as an array of frames"),
    ],
)
def test_files_that_cannot_be_read(tmp_path: Path, name: str, content: bytes | None, message: str) -> None:
    pytest.importorskip("cv2")
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message):
        open_video(tmp_path / name, WIDE)


def test_libraries_keep_quiet(tmp_path: Path) -> None:
    pytest.importorskip("cv2")
    (tmp_path / "noise.mp4").write_bytes(bytes(range(256)) * 40)
    code = "import sys; from tfsnn.input.video import Framing, open_video; open_video(sys.argv[1], Framing((6, 8)))"
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "noise.mp4")], capture_output=True, text=True)
    lines = done.stderr.splitlines()
    assert lines[0].startswith("Traceback") and lines[-1].startswith("tfsnn.errors.InputError") and "moov" not in done.stderr


def test_arrays(tmp_path: Path) -> None:
    frames = moving()
    np.save(tmp_path / "a.npy", frames)
    np.savez(tmp_path / "a.npz", x=frames, label=np.zeros((12, 6, 8)))
    np.savez(tmp_path / "two.npz", x=frames, y=frames)
    for source in (frames, iter(frames), (frame for frame in frames), tmp_path / "a.npy", str(tmp_path / "a.npz")):
        np.testing.assert_array_equal(list(open_video(source, WIDE)), frames)
    for source in (frames, iter(frames)):
        np.testing.assert_array_equal(list(open_video(source, Framing((6, 8), "bgr", every=5))), frames[::5])
    assert open_video(frames[..., 0], Framing((6, 8), "grey", every=5)).count == 3
    with pytest.raises(InputError, match="two.npz: holds 2 arrays of shape .frames, height, width, channels., not 1"):
        open_video(tmp_path / "two.npz", WIDE)
    with pytest.raises(InputError, match=r"array: is uint8 of shape \(6, 8, 3\); expected \(frames,"):
        open_video(frames[0], WIDE)
    with pytest.raises(InputError, match="array: holds no frame"):
        open_video(frames[:0], WIDE)


def test_is_video(tmp_path: Path) -> None:
    np.savez(tmp_path / "frames.npz", frames=moving())
    np.savez(tmp_path / "data.npz", x=moving(), y=np.arange(12))
    np.savez(tmp_path / "inputs.npz", left=moving(), right=moving())
    (tmp_path / "broken.npz").write_bytes(b"no archive")
    found = {name: is_video(str(tmp_path / name)) for name in ("frames.npz", "data.npz", "inputs.npz", "broken.npz", "none.mp4")}
    assert found == {"frames.npz": True, "data.npz": False, "inputs.npz": False, "broken.npz": False, "none.mp4": False}
    assert is_video("0") and not is_video("digits")
    for names in (("x_train", "y_train"), ("x_val", "y_val"), ("test_x", "test_y")):
        arrays: dict[str, Any] = dict.fromkeys(names, np.zeros(3))
        np.savez(tmp_path / "split.npz", **arrays)
        assert not is_video(str(tmp_path / "split.npz"))


@pytest.mark.parametrize(("source", "message"), [(None, "source is None"), (True, "source is True"), (1.5, "source is 1.5")])
def test_no_source(source: Any, message: str) -> None:
    with pytest.raises(InputError, match=f"video: {message}; give a file, a folder, the number of a camera"):
        open_video(source, WIDE)


def test_frames_that_cannot_be_used() -> None:
    good = moving(3).astype(float)
    bad = good[0].copy()
    bad[2, 3, 1] = np.nan
    for frame, message in (
        (bad, "frames: frame 3 holds NaN or infinity; replace them first"),
        (good[0, :5], "frames: frame 3 is 8x5, those before it are 8x6; cut the video where its size changes"),
        (good[0, :, :, :1], r"frames: frame 3 has shape \(6, 8, 1\); colour 'bgr' takes \(height, width, 3\): repeat the channel"),
        (good[0] > 1, "frames: frame 3 is bool; give whole numbers or floats"),
    ):
        video = iter(open_video([*good, frame], Framing((6, 8), "bgr")))
        for _ in range(3):
            next(video)
        with pytest.raises(InputError, match=message):
            next(video)


def test_folder_in_natural_order(tmp_path: Path) -> None:
    cv2 = pytest.importorskip("cv2")
    frames = moving()
    for number, frame in enumerate(frames):
        cv2.imwrite(str(tmp_path / f"{number}.png"), frame)
    (tmp_path / "data.txt").write_text("0.png 0\n")
    np.testing.assert_array_equal(list(open_video(tmp_path, WIDE)), frames)
    with open_video(tmp_path, Framing((6, 8), "rgb", every=5)) as video:
        assert video.count == 3
        np.testing.assert_array_equal(list(video), frames[::5, ..., ::-1])
    (tmp_path / "3.png").write_bytes(b"no image")
    with pytest.raises(InputError, match="3.png: is no image that OpenCV can read; remove or replace it"):
        list(open_video(tmp_path, WIDE))
    (tmp_path / "none").mkdir()
    with pytest.raises(InputError, match="none: holds no image .*; give a folder of frames"):
        open_video(tmp_path / "none", WIDE)
    assert sorted(["b2", "B10", "b1"], key=natural) == ["b1", "b2", "B10"]


class Camera:
    """In place of OpenCV's: gives so many frames, then none, as one that was unplugged."""

    def __init__(self, frames: int) -> None:
        self.left: Iterator[int] = iter(range(frames))
        self.opened, self.released = frames > 0, False

    def isOpened(self) -> bool:
        return self.opened

    def get(self, _: int) -> float:
        return 30.0

    def grab(self) -> bool:
        return next(self.left, None) is not None

    def retrieve(self) -> tuple[bool, Any]:
        return True, moving(1)[0]

    def release(self) -> None:
        self.released = True


def test_camera_that_goes_away(monkeypatch: pytest.MonkeyPatch) -> None:
    cv2 = pytest.importorskip("cv2")
    camera = Camera(7)
    monkeypatch.setattr(cv2, "VideoCapture", lambda source: camera)
    with open_video(0, Framing((6, 8), every=2)) as video:
        assert (video.name, video.rate, video.count) == ("camera 0", 15.0, None)
        assert len(list(video)) == 4
    assert camera.released and video.ended == "camera 0 gives no more frames: it went away"


def test_no_camera(monkeypatch: pytest.MonkeyPatch) -> None:
    cv2 = pytest.importorskip("cv2")
    monkeypatch.setattr(cv2, "VideoCapture", lambda source: Camera(0))
    with pytest.raises(InputError, match="camera 3: cannot be opened; check that it is plugged in"):
        open_video(3, WIDE)
    with pytest.raises(InputError, match="camera -1: cameras are numbered from 0"):
        open_video(-1, WIDE)


def test_without_opencv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.mp4").write_bytes(b"1234")
    (tmp_path / "1.png").write_bytes(b"1234")
    monkeypatch.setitem(sys.modules, "cv2", None)
    for source, message in ((tmp_path / "a.mp4", "reading a video"), (tmp_path, "reading an image"), (0, "reading a camera")):
        with pytest.raises(InputError, match=rf"{message} needs OpenCV, which is not installed; pip install 'tfsnn\[video\]'"):
            open_video(source, WIDE)
    np.testing.assert_array_equal(list(open_video(moving(), WIDE)), moving())


def test_real_files() -> None:
    pytest.importorskip("cv2")
    path = data_folder.folder("video", "dlc_mouse_reach_416x374.avi")
    with open_video(path, Framing((96, 96), crop=(0, 0.1, 0.1, 0), every=2)) as video:
        frames = list(video)
    assert len(frames) == video.count == 128 and frames[0].shape == (96, 96, 3) and video.ended == ""
    assert first_frames(data_folder.folder("driving_dataset"), Framing((66, 200)), 3).shape == (3, 66, 200, 3)
