"""Recorded drives: frames and angles of both formats, splits that are contiguous, and files that do not hold what they should."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.data_folder import folder
from tfsnn.errors import InputError
from tfsnn.input.datasets import load
from tfsnn.input.driving import PAPERS, PICAR, is_driving_folder, read_drives
from tfsnn.input.image_folder import decoded
from tfsnn.input.video import is_video, open_video

cv2 = pytest.importorskip("cv2")


def picture(seed: int, height: int = 256, width: int = 455) -> Any:
    coarse = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)


def papers(path: Path, degrees: list[float], tail: str = "") -> Path:
    for number in range(len(degrees)):
        cv2.imwrite(str(path / f"{number}.jpg"), picture(number))
    (path / "data.txt").write_text("".join(f"{number}.jpg {angle:.6f}{tail}\n" for number, angle in enumerate(degrees)))
    return path


def picar(path: Path, episodes: dict[int, list[float]], extra: int = 0) -> Path:
    for number, angles in episodes.items():
        writer = cv2.VideoWriter(str(path / f"out-video-{number}.avi"), cv2.VideoWriter_fourcc(*"MJPG"), 10, (64, 48))
        for frame in range(len(angles) + extra):
            writer.write(picture(100 * number + frame, 48, 64))
        writer.release()
        lines = [f"{1000 * frame},{frame + 1},{angle}" for frame, angle in enumerate(angles)]
        (path / f"out-key-{number}.csv").write_text("\n".join(["ts_micro,frame,wheel", *lines, ""]))
    return path


def test_papers_format(tmp_path: Path) -> None:
    place = papers(tmp_path, [0.0, 18.0, 0.0, 36.0, -90.0, 0.0, 270.0, 9.0, -9.0, 4.5], tail=",2018-07-01 17:09:44:912")
    assert is_driving_folder(place) and not is_video(str(place))
    data = load(place)
    assert data.framing == PAPERS and data.train.x.shape == (8, 66, 200, 3) and data.test.x.shape == (2, 66, 200, 3)
    # The gap between 18 and 36 is filled; the 0 between -90 and 270 is none; beyond half a turn is cut off.
    np.testing.assert_allclose(data.train.y, [0, 0.1, 0.15, 0.2, -0.5, 0, 1, 0.05], rtol=1e-6)
    np.testing.assert_allclose(data.test.y, [-0.05, 0.025], rtol=1e-6)
    starts = data.recordings("train")
    assert starts is not None and starts.tolist() == [0]
    frame = decoded(place / "8.jpg", "IMREAD_COLOR")[106:, :, ::-1]
    np.testing.assert_array_equal(data.test.x[0], cv2.resize(frame, (200, 66), interpolation=cv2.INTER_AREA))


def test_papers_format_is_a_video_as_well(tmp_path: Path) -> None:
    place = papers(tmp_path, [0.0] * 5)
    with open_video(str(place), PAPERS) as video:
        np.testing.assert_array_equal(np.stack(list(video)), np.concatenate([read_drives(place, s).x for s in ("train", "test")]))


def test_picar_format(tmp_path: Path) -> None:
    place = picar(tmp_path, {2: [0.0, 0.5], 3: [0.1, 0.2, 0.3], 4: [-0.5, 0.0, 0.5], 7: [0.4]}, extra=1)
    (place / "out-key-9.csv").write_text("no video belongs to it")
    data = load(place)
    np.testing.assert_allclose(data.train.y * np.pi, [0.0, 0.5, -0.5, 0.0, 0.5], rtol=1e-5)
    np.testing.assert_allclose(data.test.y * np.pi, [0.1, 0.2, 0.3, 0.4], rtol=1e-5)
    for split, wanted in (("train", [0, 2]), ("test", [0, 3])):
        starts = data.recordings(split)
        assert starts is not None and starts.tolist() == wanted
    with open_video(str(place / "out-video-4.avi"), PICAR) as video:
        np.testing.assert_array_equal(data.train.x[2:], np.stack(list(video)[:3]))


@pytest.mark.parametrize("text", ["0.jpg\n", "0.jpg 1\n1.jpg x\n", "0.jpg nan\n", "../0.jpg 1\n"])
def test_lines_that_are_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "data.txt").write_text(text)
    line = text.count("\n")
    with pytest.raises(InputError, match=rf"data.txt: line {line} is .*; expected the name of a file in this folder and degrees"):
        read_drives(tmp_path, "train")


def test_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "data.txt").write_text("0.jpg 1\n")
    with pytest.raises(InputError, match="data.txt: names 1 frames, none of them is left for the train split; add more"):
        read_drives(tmp_path, "train")
    with pytest.raises(InputError, match="0.jpg: cannot be read"):
        read_drives(tmp_path, "test")
    with pytest.raises(InputError, match="has no validation split; there are train and test"):
        read_drives(tmp_path, "validation")


def test_episodes_that_do_not_fit(tmp_path: Path) -> None:
    place = picar(tmp_path, {2: [0.0, 0.1]})
    with pytest.raises(InputError, match=r"has no test split: no episode of odd number \(out-video-N.avi, out-key-N.csv\)"):
        read_drives(place, "test")
    key = place / "out-key-2.csv"
    key.write_text(key.read_text() + "5000,3,0.2\n")
    with pytest.raises(InputError, match="out-video-2.avi: has 2 frames that can be read, and out-key-2.csv 3 lines; leave this"):
        read_drives(place, "train")
    key.write_text("ts_micro,frame,wheel\n1,1,0\n2,2\n")
    with pytest.raises(InputError, match="out-key-2.csv: line 3 is no frame; expected three numbers, the last one in radians"):
        read_drives(place, "train")
    key.write_text("time,angle\n")
    with pytest.raises(InputError, match="out-key-2.csv: begins with .*; expected the line ts_micro,frame,wheel"):
        read_drives(place, "train")
    key.write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="out-key-2.csv: cannot be read"):
        read_drives(place, "train")


def test_a_video_that_is_none(tmp_path: Path) -> None:
    place = picar(tmp_path, {2: [0.0]})
    (place / "out-video-2.avi").write_bytes(b"nothing")
    with pytest.raises(InputError, match="out-video-2.avi: OpenCV cannot open it: damaged, or no video; leave this episode out"):
        read_drives(place, "train")


def test_real_drives() -> None:
    odd, listed = load(folder("picar")).test, load(folder("driving_dataset"))
    assert len(odd.x) == len(odd.y) == 582 and np.abs(odd.y).max() == pytest.approx(30 / 180)
    assert len(listed.train.y) == 81 and listed.train.y.max() == pytest.approx(11.7 / 180)
    # Frame 33 is a gap between 0.91 and 0.81 degrees.
    assert listed.train.y[33] == pytest.approx(0.86 / 180)
