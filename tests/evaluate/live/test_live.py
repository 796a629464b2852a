"""``tfsnn stream``: what it decides is what the network decides, what it reports is what happened, and it ends cleanly."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.camera_parts import camera_net, frames
from tests.convert_parts import sequential
from tests.nets import conv, network
from tfsnn import artifact
from tfsnn.__main__ import main
from tfsnn.artifact import Net
from tfsnn.errors import FileError, InputError
from tfsnn.evaluate.baselines.reference import Reference, reference
from tfsnn.evaluate.live.decisions import Decision, decision
from tfsnn.evaluate.live.page import answer, headline, page
from tfsnn.evaluate.live.run import KEPT, fidelity, record, rows, summary
from tfsnn.evaluate.live.show import lines_of, screen, sparkline, table_file
from tfsnn.evaluate.live.tune import LADDER, tuned
from tfsnn.input.encoder import Encoder
from tfsnn.network.graph import Graph
from tfsnn.network.nodes import Input
from tfsnn.network.ops import Conv
from tfsnn.plan.factors import with_factors
from tfsnn.simulate import simulate
from tfsnn.stream import Stream

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str, str]:
    """A network, a video, and where the report may go."""
    artifact.save(Net(camera_net()), tmp_path / "net.snn.h5")
    np.save(tmp_path / "video.npy", frames(40))
    return str(tmp_path / "net.snn.h5"), str(tmp_path / "video.npy"), str(tmp_path / "report")


def test_rows_are_those_of_a_run() -> None:
    graph, video = camera_net(), frames(12)
    exact = reference(graph, None)[0]
    exact.every = 5
    kept = record(rows(Stream(graph, threshold=0.2), video, reference=exact), decision(graph), lambda row, kept: None)
    whole = simulate(graph, Encoder("delta", threshold=0.0).events(video), threshold=0.2)
    np.testing.assert_array_equal(kept.outputs[-1], whole.outputs[0])
    assert sum(kept.series["operations"]) == whole.operations.sum()
    assert [number for number, _, _ in kept.compared] == [0, 5, 10] and kept.rows == 12
    found = summary(Net(graph), kept)
    assert found["dense_macs"] == sum(graph.macs().values())
    assert found["reduction"]["dense"] == pytest.approx(found["dense_macs"] / np.mean(kept.series["operations"][1:]))
    assert found["first_frame"]["operations"] == kept.series["operations"][0] and found["ended"] == ""
    np.testing.assert_array_equal(np.concatenate(kept.sample), Encoder("graded").frames(video))


def test_the_sample_stays_small_and_even() -> None:
    graph, video = camera_net(), frames(100)
    kept = record(rows(Stream(graph), video), decision(graph), lambda row, kept: None)
    assert len(kept.sample) <= KEPT and len(kept.sample) > KEPT // 2
    np.testing.assert_array_equal(np.concatenate(kept.sample), Encoder("graded").frames(video[::8]))


def test_decisions() -> None:
    graph = camera_net()
    assert decision(graph) == Decision("classes", (3,)) and decision(camera_net(1)).kind == "values"
    assert decision(graph, "values").kind == "values"
    image = Input("in", (6, 7, 3), Encoder("graded"))
    mask = network(image, conv("mask", image, Conv(1, (1, 1)), 1, f="sigmoid"))
    assert decision(mask) == Decision("mask", (6, 7, 1), 0.5)
    one, other = np.array([0.1, 0.9, 0.6, 0.2]), np.array([0.2, 0.7, 0.4, 0.3])
    assert Decision("mask", (2, 2, 1), 0.5).agreement(one, other) == 0.75
    assert Decision("mask", (1, 2, 2)).agreement(one, other) == 1.0
    assert Decision("classes", (4,)).agreement(one, other) == 1.0 and Decision("values", (4,)).agreement(one, other) == 1.0
    assert Decision("mask", (2, 2, 1), 0.5).shown(one) == "50.0 % of the pixels"
    assert Decision("values", (5,)).shown(np.arange(5.0)) == "0, 1, 2, 3, ..."
    with pytest.raises(InputError, match="decisions of kind 'boxes'; choose one of classes, mask, values"):
        decision(graph, "boxes")
    with pytest.raises(InputError, match="the network has 1 inputs and 2 outputs; a video feeds one"):
        decision(Graph(graph.nodes, ("first", "out")))


def test_fidelity_leaves_the_first_frame_out() -> None:
    graph = camera_net(1)
    shift = Reference("shifted", lambda frame: np.array([float(frame.sum())]), timed=True)
    kept = record(rows(Stream(graph), frames(5), reference=shift), decision(graph), lambda row, kept: None)
    found = fidelity(kept)
    sums = Encoder("graded").frames(frames(5)).astype(np.float32).reshape(5, -1).sum(1)
    errors = np.array([values[0] for values in kept.outputs]) - sums
    assert found is not None and found["frames"] == 4
    assert found["rms_error"] == pytest.approx(np.sqrt(np.mean(errors[1:] ** 2)), rel=1e-4)
    assert found["rms_share_of_range"] == pytest.approx(found["rms_error"] / np.ptp(sums[1:]), rel=1e-3)
    assert len(kept.series["reference_ms"]) == 5
    assert fidelity(record(rows(Stream(graph), frames(5)), decision(graph), lambda row, kept: None)) is None


def test_an_error_of_the_source_ends_the_stream_and_keeps_what_was() -> None:
    graph = camera_net()

    def broken() -> Iterator[Any]:
        yield from frames(3)
        raise InputError("frame 3 holds NaN")

    def interrupted() -> Iterator[Any]:
        yield from frames(2)
        raise KeyboardInterrupt

    kept = record(rows(Stream(graph), broken()), decision(graph), lambda row, kept: None)
    assert (kept.rows, kept.ended) == (3, "error: frame 3 holds NaN")
    kept = record(rows(Stream(graph), interrupted()), decision(graph), lambda row, kept: None)
    assert (kept.rows, kept.ended) == (2, "interrupted")
    with pytest.raises(InputError, match="frame 3 holds NaN"):
        record(rows(Stream(graph), islice(broken(), 3, None)), decision(graph), lambda row, kept: None)


def test_tuning_takes_the_largest_threshold_that_holds() -> None:
    graph, video = camera_net(1), list(frames(30))
    exact = reference(graph, None)[0]
    exact.every = 1
    qualities = []
    for threshold in LADDER:
        kept = record(rows(Stream(graph, threshold=threshold), video, reference=exact), decision(graph), lambda row, kept: None)
        qualities.append(1 - (fidelity(kept) or {})["rms_share_of_range"])
    wanted = qualities[6]
    expected = next((i for i, quality in enumerate(qualities) if quality < wanted), len(LADDER)) - 1
    found = tuned(lambda t: Stream(graph, threshold=t), video, decision(graph), exact, wanted)
    assert found[0] == LADDER[expected] and found[1] == pytest.approx(qualities[expected]) and found[1] >= wanted
    with pytest.raises(InputError, match="--quality 1: the least threshold, 0.005, keeps .* on the first 30 frames; ask for less"):
        tuned(lambda t: Stream(graph, threshold=t), video, decision(graph), exact, 1.0)
    with pytest.raises(InputError, match="--quality: 1 frames to search on; give more with --first"):
        tuned(lambda t: Stream(graph, threshold=t), video[:1], decision(graph), exact, 0.9)


def test_tuning_on_one_class_is_refused() -> None:
    graph, video = camera_net(), list(frames(6))
    always = Reference("always class 2", lambda frame: np.array([0.0, 0.0, 1.0]), timed=False)
    with pytest.raises(InputError, match="--quality: the first 6 frames all show class 2, which any threshold would keep; give more"):
        tuned(lambda t: Stream(graph, threshold=t), video, decision(graph), always, 0.9)
    seen = iter(range(1000))
    turns = Reference("in turn", lambda frame: np.eye(3)[next(seen) % 3], timed=False)
    with pytest.raises(InputError, match="--quality 0.99: the least threshold, 0.005, keeps "):
        tuned(lambda t: Stream(graph, threshold=t), video, decision(graph), turns, 0.99)


def test_screen(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    graph = camera_net()
    kept = record(rows(Stream(graph), frames(3)), decision(graph), lambda row, kept: None)
    row = list(rows(Stream(graph), frames(3)))[-1][0]
    shown = dict(lines_of(row, kept, 7, decision(graph), 1000))
    assert shown["frame"] == "frame 3 of 7" and shown["now"] == f"{row.operations:,} of 1,000 operations"
    assert sparkline([]) == "" and sparkline([0, 0]) == "  "
    monkeypatch.delenv("TFSNN_PROGRESS")
    monkeypatch.setattr("tfsnn.evaluate.live.show.SELDOM", 0.0)
    with screen("net", 7, decision(graph), 1000, "threshold 0.05") as watch:
        watch(row, kept)
    assert "frame 3 of 7  class" in capsys.readouterr().err
    monkeypatch.setattr("tfsnn.evaluate.live.show.OFTEN", 0.0)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    with screen("net on video", None, decision(graph), 1000, "threshold 0.05") as watch:
        watch(row, kept)
    assert "net on video" in capsys.readouterr().err


def test_table_is_whole_after_each_row(tmp_path: Path) -> None:
    found = [row for row, _ in rows(Stream(camera_net()), frames(4))]
    with table_file(tmp_path / "new" / "rows.csv", 3) as write:
        for number, row in enumerate(found, start=1):
            write(row)
            with open(tmp_path / "new" / "rows.csv", newline="") as file:
                lines = list(csv.DictReader(file))
            assert len(lines) == number and lines[-1]["operations"] == str(row.operations) and lines[-1]["reference_0"] == ""
    assert [float(lines[-1][f"output_{i}"]) for i in range(3)] == pytest.approx(found[-1].outputs.tolist(), rel=1e-8)


def test_table_on_a_full_disk_ends_the_stream() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no device that is always full")
    with pytest.raises(FileError, match="/dev/full: cannot be written .no space left on device.; its lines are whole up to there"):
        with table_file(Path("/dev/full"), 3):
            pass


def test_command(files: tuple[str, str, str], tmp_path: Path, capsys: Capture) -> None:
    net, video, out = files
    line = ["stream", net, video, "--threshold", "0.1", "--out", out, "--csv", str(tmp_path / "rows.csv"), "--frames", "30"]
    assert main(line) == 0
    said, complaints = capsys.readouterr()
    assert "30 frames of video.npy: " in said and "of the decisions are those of the integer ANN" in said and complaints == ""
    content = json.loads((Path(out) / "stream.json").read_text())
    assert content["format"] == "tfsnn-stream" and content["settings"]["threshold"] == 0.1
    assert "no Keras model was given (--against MODEL.h5)" in content["notes"][0]
    live = Stream(artifact.load(net), threshold=0.1)
    for frame in np.load(video)[:30]:
        live.step(frame)
    assert content["series"]["outputs"][-1] == live.outputs.tolist()
    assert sum(content["series"]["operations"]) == int(live.total.synaptic_operations.sum())
    page = (Path(out) / "report.html").read_text()
    assert page.count("<figure>") == 3 and all(line in said for line in answer(content))
    assert (tmp_path / "rows.csv").read_text().count("\n") == 31
    assert main(line) == 2
    assert "is not empty already" in capsys.readouterr().err
    assert main([*line, "--force", "--input-threshold", "300", "--pace", "1000"]) == 0
    content = json.loads((Path(out) / "stream.json").read_text())
    assert set(content["series"]["events"]) == {0} and content["settings"]["encoder"]["kind"] == "delta"
    assert main([*line, "--force", "--input-threshold", "300,10,300"]) == 0
    content = json.loads((Path(out) / "stream.json").read_text())
    assert max(content["series"]["events"]) > 0
    assert content["settings"]["encoder"]["threshold"] == [300 / 255, 10 / 255, 300 / 255]
    assert main([*line, "--force", "--input-threshold", "4,4"]) == 2
    assert "2 thresholds of the encoder" in capsys.readouterr().err


def test_a_verdict_on_times_goes_by_medians(files: tuple[str, str, str]) -> None:
    net, video, out = files
    assert main(["stream", net, video, "--out", out]) == 0
    content = json.loads((Path(out) / "stream.json").read_text())
    # One frame was interrupted for a second: by means the stream would be slower, and it is twice as fast.
    content["summary"]["later_frames"]["ms"] = {"mean": 9.0, "median": 1.0, "p99": 999.0}
    content["summary"]["later_frames"]["reference_ms"] = {"mean": 3.0, "median": 2.0, "p99": 4.0}
    content["summary"]["first_frame"]["reference_ms"] = 3.0
    content["summary"]["fidelity"] = {"frames": 1, "rms_error": 0.1, "same_decisions": 0.985}
    said, shown = answer(content), page(content).replace("&nbsp;", " ")
    assert said[1].startswith("A frame takes 1.00 ms (median; mean 9.00, 99th percentile 999.00); ")
    assert said[1].endswith(" takes 2.00 ms (median; mean 3.00): by medians the stream is 2.00 times as fast.")
    assert said[3].startswith("98.50 % of the decisions") and said[3].endswith(" (1 frame).")
    assert "and less time: 1.00 ms beside 2.00 ms (LiteRT); 98.50 % of the decisions are the same." in shown and "ms (median)" in shown


def test_a_way_out_where_much_is_lost(files: tuple[str, str, str]) -> None:
    net, video, out = files
    assert main(["stream", net, video, "--out", out]) == 0
    content = json.loads((Path(out) / "stream.json").read_text())
    content["summary"]["fidelity"] = {"frames": 9, "rms_error": 0.1, "same_decisions": 0.9}
    content["command"], threshold = "tfsnn stream net.snn.h5 video.npy --out report", content["settings"]["threshold"]
    lost = f"At a threshold of {threshold:g}, 90.00 % of the decisions are the same: no saving is claimed."
    assert headline(content) == f"{lost} --quality 0.98 chooses a threshold on the first frames."
    way_out = answer(content)[-1]
    assert way_out.startswith("More than 2 % is lost; ")
    assert way_out.endswith(" by: tfsnn stream net.snn.h5 video.npy --out report --quality 0.98 --force")
    content["settings"] |= {"quality": 0.95, "skip": 64}
    assert headline(content) == lost
    assert answer(content)[-1].startswith("The threshold keeps 0.95 on the first 64 frames, and less on the frames reported: ")
    content["settings"]["quality"] = 0.9
    assert "no saving" not in headline(content) and answer(content)[-1].startswith("90.00 % of the decisions")
    content["summary"]["fidelity"] = {"frames": 9, "rms_error": 0.1, "rms_share_of_range": None}
    assert "no saving" not in headline(content)


def test_keras_model_is_converted_on_the_way(tmp_path: Path, capsys: Capture) -> None:
    sequential((6, 7, 3), "Conv2D(4, 3, activation='relu')", "Flatten()", "Dense(3)").save(tmp_path / "model.h5")
    np.save(tmp_path / "video.npy", frames(40))
    out = tmp_path / "report"
    line = ["stream", str(tmp_path / "model.h5"), str(tmp_path / "video.npy"), "--first", "8", "--quality", "0.5", "--colour", "bgr"]
    line += ["--decide", "values"]
    assert main([*line, "--out", str(out)]) == 0
    said = capsys.readouterr().out
    converted, note, found = said.split("\n")[:3]
    assert converted.startswith("converted model.h5, calibrated on the first 8 frames: value = 0.00392157 x raw, raw from ")
    assert note.startswith("note: whole numbers up to 255 are taken for pixels") and found.startswith("32 frames of video.npy: ")
    content = json.loads((out / "stream.json").read_text())
    assert content["reference"].startswith("the float model") and content["settings"]["threshold"] in LADDER
    assert content["summary"]["fidelity"]["rms_error"] >= 0 and content["video"]["framing"]["colour"] == "bgr"


def test_a_warning_is_one_line_and_comes_once(files: tuple[str, str, str], tmp_path: Path) -> None:
    net, _, _ = files
    stored = artifact.load(net)
    nodes = [replace(n, encoder=Encoder("delta", range=(0, 255))) if isinstance(n, Input) else n for n in stored.graph.nodes]
    artifact.save(Net(Graph(tuple(nodes), stored.graph.outputs)), tmp_path / "known.snn.h5")
    # Each frame has a lowest number of its own.
    np.save(tmp_path / "signed.npy", frames(6).astype(np.int16) - 200 - np.arange(6, dtype=np.int16)[:, None, None, None])
    line = [sys.executable, "-m", "tfsnn", "stream", str(tmp_path / "known.snn.h5"), str(tmp_path / "signed.npy")]
    done = subprocess.run(line, capture_output=True, text=True, check=True)
    lines = [text for text in done.stderr.splitlines() if "compiling" not in text]
    assert len(lines) == 1 and lines[0].startswith("warning: encoder: raw input from -") and ".py" not in lines[0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--first", "1"], "--first 1; give 2 frames at least"),
        (["--frames", "0"], "--frames 0; give 2 frames at least"),
        (["--quality", "1.5"], "--quality 1.5; give a share above 0, up to 1"),
        (["--quality", "0.9", "--first", "50"], "video.npy: has 40 frames, and 50 are to choose on; give fewer with --first"),
        (["--quality", "0.01", "--first", "40", "--decide", "values"], "video.npy: no frame is left to report behind the first 40"),
        (["--pace=-1"], "--pace -1; give frames a second"),
        (["--pace"], "--pace: video.npy does not say how many frames it has a second; give them: --pace 30"),
        (["--input-threshold=-1"], "--input-threshold -1; give levels of a raw pixel"),
        (["--input-threshold=4,x,4"], "--input-threshold 4,x,4; give levels of a raw pixel, 0 or above: one, or one for each channel"),
        (["--colour", "grey"], "--colour grey gives 1 channels; the network's input takes 3"),
        (["--threshold", "0"], "stream: threshold is 0.0; it must be a positive number"),
        (["--against", "none.h5"], "none.h5: no such file"),
        (["--out", __file__], "exists and is no directory"),
    ],
)
def test_one_clean_line(files: tuple[str, str, str], capsys: Capture, options: list[str], message: str) -> None:
    net, video, out = files
    assert main(["stream", net, video, "--out", out, *options]) == 2
    said, complaint = capsys.readouterr()
    assert said == "" and complaint.startswith("error: ") and complaint.count("\n") == 1 and message in complaint
    assert not Path(out).exists()


def test_frames_that_do_not_fit_end_it_with_a_report(files: tuple[str, str, str], tmp_path: Path, capsys: Capture) -> None:
    net, _, out = files
    video = frames(6).astype(np.float64)
    video[4, 0, 0, 0] = np.nan
    np.save(tmp_path / "nan.npy", video)
    assert main(["stream", net, str(tmp_path / "nan.npy"), "--out", out]) == 2
    assert "error: nan.npy: frame 4 holds NaN or infinity; replace them first" in capsys.readouterr().out
    assert json.loads((Path(out) / "stream.json").read_text())["summary"]["frames"] == 4


def test_factors(files: tuple[str, str, str], tmp_path: Path) -> None:
    net, video, out = files
    (tmp_path / "factors.json").write_text('{"first": 4}')
    assert main(["stream", net, video, "--threshold", "0.05", "--factors", str(tmp_path / "factors.json"), "--out", out]) == 0
    content = json.loads((Path(out) / "stream.json").read_text())
    # One layer has a threshold: its factor is as good as a factor on the whole.
    live = Stream(artifact.load(net), threshold=0.2)
    for frame in np.load(video):
        live.step(frame)
    assert content["series"]["outputs"][-1] == live.outputs.tolist() and content["settings"]["factors"] == {"first": 4.0}
    artifact.save(Net(with_factors(camera_net(), {"first": 4})), tmp_path / "kept.snn.h5")
    assert [getattr(node, "threshold", None) for node in artifact.load(tmp_path / "kept.snn.h5").graph] == [None, 4.0, 1.0]


@pytest.mark.parametrize("kill", [signal.SIGKILL, signal.SIGINT])
def test_killed_while_streaming(files: tuple[str, str, str], tmp_path: Path, kill: signal.Signals) -> None:
    net, video, out = files
    table = tmp_path / "rows.csv"
    line = [sys.executable, "-m", "tfsnn", "stream", net, video, "--csv", str(table), "--out", out, "--pace", "5"]
    process = subprocess.Popen(line, env=os.environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    for _ in range(1200):
        time.sleep(0.1)
        if table.exists() and table.read_text().count("\n") > 3:
            break
    process.send_signal(kill)
    said, _ = process.communicate(timeout=120)
    content = table.read_text()
    assert content.endswith("\n") and len({line.count(",") for line in content.splitlines()}) == 1
    assert process.returncode == (130 if kill == signal.SIGINT else -signal.SIGKILL)
    assert ("interrupted" in said and (Path(out) / "report.html").is_file()) == (kill == signal.SIGINT)
