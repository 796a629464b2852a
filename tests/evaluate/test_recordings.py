"""`tfsnn evaluate --windows`: a report, a picture and a table from recordings, and one line for each mistake."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.nets import network, neurons, synapse
from tfsnn.__main__ import main
from tfsnn.artifact import Net, save
from tfsnn.errors import InputError
from tfsnn.evaluate.recordings import cheapest, evenly, lengths
from tfsnn.input import event_sets
from tfsnn.input.encoder import Dvs, Encoder
from tfsnn.input.recording import Recording
from tfsnn.network.nodes import Input
from tfsnn.network.ops import Dense


@pytest.fixture
def net(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    kind = event_sets.GENERATED["gesture_small"]
    monkeypatch.setitem(event_sets.GENERATED, "gesture_small", kind._replace(duration=136_000, recordings={"train": 1, "test": 1}))
    return saved(tmp_path / "net.snn.h5", Dvs(downsample=8))


def saved(path: Path, encoder: Encoder) -> Path:
    image = Input("in", (4, 4, 2), encoder)
    weight = np.random.default_rng(0).integers(-9, 10, (32, 11))
    save(Net(network(image, neurons("out", (11,), synapse(image, Dense(11), weight, 0.1), f="linear"))), path)
    return path


def run(capsys: pytest.CaptureFixture[str], *words: Any) -> tuple[int, str, str]:
    code = main(["evaluate", *map(str, words)])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_report(net: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "report"
    words = ("--data", "gesture_small", "--out", out, "--windows", "64,whole", "--thresholds", "64,128", "--lsb", "--samples", 5)
    code, text, _ = run(capsys, net, *words)
    assert code == 0 and "5 recordings of gesture_small; frame-based CNN on " in text and "event-driven" in text
    assert "Windows that begin together are read off one replay" in text
    content = json.loads((out / "windows.json").read_text())
    assert [(row["window_ms"], row["threshold"]) for row in content["rows"]] == [(64.0, 64.0), (64.0, 128.0), (None, 64.0), (None, 128.0)]
    assert (out / "windows.png").read_bytes().startswith(b"\x89PNG") and content["encoder"]["kind"] == "dvs"
    assert "--windows 64,whole --thresholds 64,128 --lsb" in content["command"]
    selection, rows = content["selection"], content["rows"]
    # Eleven classes, of each as many training recordings as needed for five.
    assert (selection["on"], selection["recordings"], len(selection["rows"])) == ("train", 11, 4)
    for window, pair in (("64 ms", selection["rows"][:2]), ("whole", selection["rows"][2:])):
        best = pair[cheapest(pair)]["threshold"]
        assert [row["threshold"] for row in rows if row["window"] == window and row["chosen"]] == [best]
    page = (out / "report.html").read_text()
    assert page.count("data:image/png") == 3 and "of states that are not 0" in page and "11 recordings of the train split" in page
    title = page[page.index("<h1>") : page.index("</h1>")].replace("&nbsp;", " ")
    spoken = next(row for row in rows if row["window"] == selection["window"] and row["chosen"])
    assert f"the event network gets {100 * spoken['accuracy']:.2f} % right with " in title
    assert f"frame by frame it is {100 * content['frame_based']['value']:.2f} % with " in title
    code, _, error = run(capsys, net, *words)
    assert code == 2 and "--force" in error


def test_snapshots_and_a_choice_on_what_is_tested(net: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("--data", "gesture_small", "--out", tmp_path / "out", "--windows", "whole,snapshots", "--thresholds", "0.001,0.2")
    code, text, _ = run(capsys, net, *words, "--select-on", "test")
    content = json.loads((tmp_path / "out" / "windows.json").read_text())
    assert code == 0 and "as the CNN" in text and "expect slightly less on new data" in text
    fine = content["rows"][2]
    # At a fine threshold an event-driven network decides as the frame-based one does on what both have received.
    assert fine["window"] == "snapshots" and fine["windows"] == content["frame_based"]["snapshots"] > 22
    assert fine["same_as_frame_based"] == 1 and fine["accuracy"] == content["frame_based"]["value"]
    assert content["rows"][0]["same_as_frame_based"] is None and content["selection"]["rows"] == []
    assert "--windows whole,snapshots" in content["command"] and "--select-on test" in content["command"]


def test_as_many_of_each_class() -> None:
    recording = Recording([], [], [], [], 1, 1)
    found = iter([(0, recording)] * 5 + [(1, recording)] * 5)
    assert [label for label, _ in evenly(found, 3, 2)] == [0, 0, 1, 1]
    assert len(list(found)) == 3
    assert [label for label, _ in evenly([(1, recording)], 3, 2)] == [1]


def test_mistakes(net: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("--out", tmp_path / "out", "--windows", "64")
    frames = saved(tmp_path / "frames.snn.h5", Encoder("graded"))
    for given, message in (
        ((frames, "--data", "gesture_small", *words), "needs an encoder of kind dvs, that of .* is graded; convert with --encode dvs"),
        ((net, "--data", "digits", *words), "--windows needs recordings, not digits; choose one of gesture, "),
        ((net, "--data", "gesture_small", *words, "--samples", 0), "evaluate: samples is 0; take at least 1"),
        ((net, "--data", "gesture_small", *words, "--select-on", "validation"), "recordings have no validation split of their own"),
        ((net, "--data", "gesture_small", *words, "--bins", 3), "--bins: goes with frames, --windows with recordings"),
    ):
        code, _, error = run(capsys, *given)
        assert code == 2 and len(error.splitlines()) == 1
        with pytest.raises(InputError, match=message):
            raise InputError(error)


@pytest.mark.parametrize(("text", "message"), [("64,x", "'x' is no length"), ("0", "0 ms; give a positive length"), ("inf", "'inf' is no")])
def test_lengths_that_are_none(text: str, message: str) -> None:
    with pytest.raises(InputError, match=f"--windows: {message}"):
        lengths(text)
