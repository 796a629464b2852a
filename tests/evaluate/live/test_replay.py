"""``tfsnn stream`` on recordings: the network is given what it is given by the whole recording, and what ends early ends cleanly."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.data_folder import folder
from tests.dv_stand_in import StandIn, installed
from tests.event_files import aedat2, aedat3, dat, nmnist
from tests.nets import conv, dense, network
from tfsnn import artifact
from tfsnn.__main__ import main
from tfsnn.artifact import Net
from tfsnn.errors import FileError
from tfsnn.evaluate.live import replay as replay_module
from tfsnn.evaluate.live.decisions import decision
from tfsnn.evaluate.live.replay import SILENT, Period, Source, chunks, keep, replayed
from tfsnn.evaluate.live.replay_page import answer
from tfsnn.evaluate.live.replay_pipeline import lines_of
from tfsnn.input import event_camera
from tfsnn.input.encoder import Dvs, Encoder
from tfsnn.input.recording import Found, Recording
from tfsnn.input.snapshots import Population
from tfsnn.network.graph import Graph
from tfsnn.network.nodes import Input
from tfsnn.network.ops import Conv, Reshape
from tfsnn.record import COUNTS
from tfsnn.simulate import simulate
from tfsnn.stream import Stream

Capture = pytest.CaptureFixture[str]
ENCODER = Dvs(downsample=4, threshold=0.5, snapshot=10_000)


def camera_net(encoder: Encoder = ENCODER, width: int = 16, height: int = 12, block: int = 4) -> Graph:
    """Strided convolution - dense, linear, behind a sensor of 16x12."""
    rng = np.random.default_rng(5)
    image = Input("in", (-(-height // block), -(-width // block), 2), encoder)
    first = conv("first", image, Conv(3, (2, 2), (1, 1)), rng.integers(-9, 10, (2, 2, 2, 3)), bias=0.1)
    flat = int(np.prod(first.shape))
    last = dense("out", first, 3, rng.integers(-9, 10, (flat, 3)), relays=(Reshape((flat,)),), f="linear")
    return network(image, first, last)


def drawn(count: int = 600, stop: int = 95_000, width: int = 16, height: int = 12) -> Recording:
    """Many events share a time stamp."""
    rng = np.random.default_rng(2)
    t = np.sort(rng.integers(0, stop // 100, count)) * 100 + 7
    x, y, p = (rng.integers(0, most, count) for most in (width, height, 2))
    return Recording(t, x, y, p, width, height)


def saved(path: Path, recording: Recording, **more: Any) -> str:
    np.savez(path, t=recording.t, x=recording.x, y=recording.y, p=recording.p, **more)
    return str(path)


def rows_of(stream: Stream, recording: Recording, blocks: Any, **settings: Any) -> Iterator[Period]:
    population = Population(ENCODER, recording.width, recording.height, int(recording.t[0]))
    return replayed(stream, population, blocks, ENCODER.snapshot, **settings)


@pytest.fixture
def net(tmp_path: Path) -> str:
    artifact.save(Net(camera_net()), tmp_path / "net.snn.h5")
    return str(tmp_path / "net.snn.h5")


def run(capsys: Capture, *words: Any) -> tuple[int, str, str]:
    code = main(["stream", *map(str, words)])
    said = capsys.readouterr()
    return code, said.out, said.err


@pytest.mark.parametrize("schedule", ["slot", "spike"])
@pytest.mark.parametrize("block", [1, 7, 1 << 16])
def test_rows_are_those_of_the_whole_recording_in_both_engines(tmp_path: Path, schedule: str, block: int) -> None:
    graph, recording = camera_net(), drawn()
    path = saved(tmp_path / "recording.npz", recording)
    stream = Stream(graph, threshold=0.2, schedule=schedule)
    found = rows_of(stream, recording, event_camera.replay(path, size=(16, 12), block=block))
    kept = keep(found, decision(graph), lambda row, kept: None)
    events = ENCODER.events(recording)
    assert kept.rows == 10 and kept.total("camera_events") == 600 and kept.total("input_events") == len(events)
    for engine in ("eager", "compiled"):
        whole = simulate(graph, events, threshold=0.2, schedule=schedule, engine=engine)
        np.testing.assert_array_equal(kept.outputs[-1], whole.outputs[0])
        assert kept.total("operations") == whole.operations.sum() > 0
    np.testing.assert_array_equal(stream.total.sent, whole.ledger.sent)


@pytest.mark.parametrize("schedule", ["slot", "spike"])
@pytest.mark.parametrize(
    ("folder_name", "name", "options", "block"),
    [
        ("dvs128", "alexouyang_alex_walking_for_10secs.aedat", {}, 8),
        ("dvs128", "alexouyang_cam300_fix_lense_alex_standing_up.aedat", {}, 8),
        ("dvs128", "alexouyang_neal_walking.aedat", {}, 8),
        ("dvs128", "colleen_DVS128-2017-03-21-short.aedat", {}, 8),
        # IBM's DVS128 Gesture: its time is in steps of 16.6 ms, and many events share one.
        ("dvsgesture", "dvsgesture_right_hand_wave.npz", {"key": "a", "size": (64, 64), "tick": 16_600}, 4),
    ],
)
def test_real_recordings_in_both_engines(folder_name: str, name: str, options: dict[str, Any], block: int, schedule: str) -> None:
    recording = event_camera.read(folder(folder_name, name), lenient=True, **options)
    # The eager engine is slow, so they are few; from the middle, where most happens.
    some = slice(len(recording) // 2, len(recording) // 2 + 30)
    part = Recording(recording.t[some], recording.x[some], recording.y[some], recording.p[some], recording.width, recording.height)
    encoder = Dvs(downsample=block)
    graph = camera_net(encoder, part.width, part.height, block)
    events = encoder.events(part)
    eager, compiled = (simulate(graph, events, threshold=0.1, schedule=schedule, engine=engine) for engine in ("eager", "compiled"))
    np.testing.assert_array_equal(eager.outputs, compiled.outputs)
    for count in COUNTS:
        np.testing.assert_array_equal(getattr(eager.ledger, count), getattr(compiled.ledger, count))
    assert len(events) > 30 and eager.ledger.sent[0, -2] > 0


def test_the_decision_is_that_of_the_recording_so_far() -> None:
    graph, recording = camera_net(), drawn()
    kept = keep(rows_of(Stream(graph, threshold=0.2), recording, [recording], most=3), decision(graph), lambda row, kept: None)
    first = int(recording.t[0])
    whole = simulate(graph, ENCODER.events(recording.between(first, first + 30_000)), threshold=0.2)
    np.testing.assert_array_equal(kept.outputs[-1], whole.outputs[0])
    assert kept.rows == 3 and kept.stop == 30_000
    decided = [int(np.argmax(row)) for row in kept.outputs]
    last_change = next((at for at in (2, 1) if decided[at] != decided[at - 1]), 0)
    assert kept.settled == kept.series["stop_s"][last_change] * 1e6


def test_no_time_stamp_is_cut_and_a_silence_has_few_rows() -> None:
    stamps: list[list[int]] = [[5, 5], [], [5, 9], [10_000, 1 << 50]]
    blocks = [Recording(t, [0] * len(t), [0] * len(t), [0] * len(t), 1, 1) for t in stamps]
    found = [(part.t.tolist(), stop, ends) for part, stop, ends in chunks(blocks, 10)]
    assert [part for part, _, _ in found if part] == [[5, 5, 5], [9], [10_000], [1 << 50]]
    ends = [stop for _, stop, end in found if end]
    assert ends[0] == 15 and ends[-2] <= 1 << 50 < ends[-1] and len(ends) < 3 * SILENT + 6
    assert all((end - 5) % 10 == 0 for end in ends)


def test_a_recording_that_is_cut_off_ends_behind_its_last_event() -> None:
    whole = drawn()
    half = Recording(whole.t, whole.x, whole.y, whole.p, 16, 12, Found(unread=3))
    source = Source("cut.bin", [half, whole])
    assert len(list(source)) == 1 and source.ended == "cut.bin ends early: found 3 bytes that make no event; it was cut off, or is " \
        "damaged (--lenient goes on)"
    assert len(list(Source("cut.bin", [half, whole], lenient=True))) == 2
    late = Recording(whole.t, whole.x, whole.y, whole.p, 16, 12, Found(backwards=2))
    with pytest.raises(FileError, match="found 2 events stamped earlier than one before them; .* give --lenient"):
        list(Source("late.bin", [late]))


@pytest.mark.parametrize(("suffix", "written"), [("aedat", aedat2), ("aedat", aedat3), ("bin", nmnist), ("dat", dat)])
def test_formats(suffix: str, written: Any, tmp_path: Path, capsys: Capture) -> None:
    width, height = {"aedat": (128, 128), "bin": (34, 34), "dat": (304, 240)}[suffix]
    recording = drawn(60, width=min(width, 34), height=min(height, 34))
    columns = (recording.t.tolist(), recording.x.tolist(), recording.y.tolist(), recording.p.tolist())
    path = tmp_path / f"recording.{suffix}"
    path.write_bytes(written(list(zip(*columns))) + b"\0" * (suffix != "aedat"))
    artifact.save(Net(camera_net(width=width, height=height)), tmp_path / "net.snn.h5")
    code, text, _ = run(capsys, tmp_path / "net.snn.h5", path)
    assert code == 0 and text.startswith(f"60 events in 0.100 s of recording.{suffix}: 600 events/s")
    assert ("ends early: found 1 bytes that make no event" in text) == (suffix != "aedat")


def test_report(net: str, tmp_path: Path, capsys: Capture) -> None:
    path = saved(tmp_path / "recording.npz", drawn())
    code, text, _ = run(capsys, net, path, "--csv", tmp_path / "rows.csv", "--out", tmp_path / "out", "--frames", 4)
    assert code == 0 and "times real time" in text and text.splitlines()[-1].startswith("wrote ")
    content = json.loads((tmp_path / "out" / "stream.json").read_text())
    assert content["format"] == "tfsnn-replay" and content["summary"]["periods"] == 4
    assert content["summary"]["signal_seconds"] == 0.04 and answer(content) == text.splitlines()[:-1]
    found = content["summary"]
    assert found["events_a_second_sustained"] == pytest.approx(found["camera_events"] / found["busy_seconds"])
    assert found["times_real_time"] == pytest.approx(0.04 / found["busy_seconds"])
    with open(tmp_path / "rows.csv", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    assert [int(line["camera_events"]) for line in lines] == content["series"]["camera_events"]
    assert float(lines[-1]["output_2"]) == pytest.approx(content["series"]["outputs"][-1][2])
    page = (tmp_path / "out" / "report.html").read_text()
    assert page.count("<figure>") == 3 and "event by event" in page


def test_interrupt_keeps_what_came_before(net: str, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []

    def wait(due: float) -> None:
        waits.append(due)
        if len(waits) > 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(replay_module, "_wait", wait)
    path = saved(tmp_path / "recording.npz", drawn())
    code, text, _ = run(capsys, net, path, "--pace", 50, "--csv", tmp_path / "rows.csv")
    assert code == 130 and "interrupted" in text and len((tmp_path / "rows.csv").read_text().splitlines()) == 4
    # Fifty periods of 10 ms a second: at half the speed of the recording.
    np.testing.assert_allclose(np.diff(waits[:3]), 0.02)
    waits.clear()
    run(capsys, net, path, "--pace")
    np.testing.assert_allclose(np.diff(waits[:3]), 0.01)


def test_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [10.0]
    monkeypatch.setattr(replay_module, "perf_counter", lambda: now[0])
    monkeypatch.setattr(replay_module, "sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))
    replay_module._wait(12.5)
    assert now == [12.5]
    replay_module._wait(3)
    assert now == [12.5]


def test_damage_in_the_middle_ends_with_a_report(net: str, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    recording = drawn()
    recording.x[500] = 99
    path = saved(tmp_path / "recording.npz", recording)
    monkeypatch.setattr(event_camera, "replay", partial(event_camera.replay, block=100))
    code, text, _ = run(capsys, net, path)
    assert code == 2 and "error: recording.npz: found 1 events outside the sensor" in text and "events/s" in text
    code, text, _ = run(capsys, net, path, "--lenient")
    assert code == 0 and "599 events" in text and text.splitlines()[-1] == "mended or left out: 1 events outside the sensor"


def test_a_camera_is_a_recording_that_takes_its_time(net: str, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    recording = drawn()
    installed(monkeypatch, StandIn(recording, 90))
    code, text, _ = run(capsys, net, "0", "--out", tmp_path / "live")
    assert code == 0 and text.startswith("600 events in 0.100 s of camera 0")
    code, _, _ = run(capsys, net, saved(tmp_path / "recording.npz", recording), "--out", tmp_path / "replayed")
    live, replayed_ = (json.loads((tmp_path / name / "stream.json").read_text()) for name in ("live", "replayed"))
    for name in ("camera_events", "input_events", "operations", "outputs"):
        assert live["series"][name] == replayed_["series"][name]
    # Waiting for a camera is no work.
    assert live["summary"]["read_seconds"] == 0 < replayed_["summary"]["read_seconds"]
    code, _, error = run(capsys, net, "3")
    assert code == 2 and "camera 3: found 1 event cameras; plug it in, or give a smaller number" in error


def test_lines_on_the_screen() -> None:
    graph, recording, shown = camera_net(), drawn(), []
    keep(rows_of(Stream(graph), recording, [recording]), decision(graph), lambda row, kept: shown.append(dict(lines_of(row, kept))))
    assert shown[-1]["time"] == "0.100 s" and shown[-1]["output"].startswith("class ") and "x real time" in shown[-1]["speed"]
    assert len(shown[-1][""]) == 10


def test_mistakes(net: str, tmp_path: Path, capsys: Capture) -> None:
    path = saved(tmp_path / "recording.npz", drawn())
    frames = tmp_path / "frames.snn.h5"
    artifact.save(Net(camera_net(Encoder("graded"))), frames)
    empty = saved(tmp_path / "empty.npz", Recording([], [], [], [], 16, 12))
    several = saved(tmp_path / "several.npz", drawn(), offsets=[0, 100, 600])
    video = tmp_path / "video.npy"
    np.save(video, np.zeros((4, 3, 4, 1), np.uint8))
    (tmp_path / "raw.bin").write_bytes(nmnist([(5, 1, 1, 1)]))
    keras = tmp_path / "model.h5"
    keras.write_bytes(b"")
    for words, message in (
        ((net, "drive.mp4"), "drive.mp4: the encoder of .* is of kind dvs and takes recordings of an event camera"),
        ((net, "0", "--pace"), "--pace: belongs to recordings, 0 is the number of a camera; leave it out"),
        ((net, tmp_path / "none.dat"), "none.dat: no such file; give a recording"),
        ((net, video), "video.npy: "),
        ((frames, tmp_path / "raw.bin"), "raw.bin: is a recording of an event camera, .* is a network whose encoder is of kind graded"),
        ((keras, tmp_path / "raw.bin"), "raw.bin: is a recording of an event camera, .* is a Keras model"),
        ((frames, video, "--size", "4x4"), "--size: belongs to recordings of an event camera"),
        ((net, path, "--quality", 0.9), "--quality: go with videos"),
        ((net, path, "--annotate", tmp_path / "out.mp4"), "--annotate: go with videos"),
        ((net, path, "--every", 2), "--colour, --crop, --interpolation and --every: go with videos"),
        ((net, path, "--size", "16"), "--size 16: give width and height"),
        ((net, path, "--size", "64x64"), "a sensor of 64x64 gives an input of .16, 16, 2.; that of net.snn.h5 is .3, 4, 2."),
        ((net, tmp_path / "raw.bin"), "a sensor of 34x34 gives"),
        ((net, empty), "empty.npz: holds no event"),
        ((net, several), "several.npz: holds 2 recordings; choose one"),
    ):
        code, _, error = run(capsys, *words, "--out", tmp_path / "out")
        assert code == 2 and len(error.splitlines()) == 1 and not (tmp_path / "out").exists()
        with pytest.raises(FileError, match=message):
            raise FileError(error)
    code, text, _ = run(capsys, net, several, "--recording", 1)
    assert code == 0 and text.startswith("500 events")
