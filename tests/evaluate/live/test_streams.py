"""`tfsnn evaluate` on recordings: state is carried and starts over, choices are made elsewhere, and every figure is what it says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.camera_parts import camera_net, frames
from tests.convert_parts import sequential
from tests.nets import conv, network
from tfsnn import artifact, convert_model
from tfsnn.__main__ import main
from tfsnn.artifact import Net
from tfsnn.errors import FileError, InputError
from tfsnn.evaluate.baselines.reference import litert
from tfsnn.evaluate.live.beside import at_once, in_turn, variants
from tfsnn.evaluate.live.judged import apart, distance, passed, quality
from tfsnn.evaluate.live.recorded import Recording, extent, of_dataset, of_video
from tfsnn.evaluate.live.streams_page import EVENT, headline
from tfsnn.evaluate.measure.task import Task
from tfsnn.input.dataset import Dataset, Split
from tfsnn.input.encoder import Encoder
from tfsnn.input.framing import Framing
from tfsnn.network.forward import forward
from tfsnn.network.nodes import Input
from tfsnn.network.ops import Conv
from tfsnn.stream import Stream

Capture = pytest.CaptureFixture[str]
VALUES = Task("values", (1,))


def two(labels: Any = None) -> list[Recording]:
    """A recording of 8 frames and one of 5."""
    video = frames(13)
    parts = (slice(0, 8), slice(8, 13))
    return [
        Recording(f"recording {i}", video[part], None if labels is None else labels[part])
        for i, part in enumerate(parts, start=1)
    ]


def drives(labels: bool = True) -> Dataset:
    """Two recordings to report on, one to choose on."""
    video, graph = frames(13), camera_net(1)
    right = forward(graph, {"in": Encoder("graded").frames(video)})["out"].astype(np.float32)
    splits = {
        "test": Split(video, right[:, 0] if labels else None),
        "train": Split(video[::-1], right[::-1, 0] if labels else None),
    }
    starts = {"test": np.array([0, 8]), "train": np.array([0])}
    return Dataset("drives", Encoder("graded"), splits.__getitem__, starts=starts.__getitem__)


def test_a_recording_starts_over() -> None:
    graph, seen = camera_net(1), list[int]()
    found = passed(Stream(graph, threshold=0.2), two(), seen.append)
    alone = [passed(Stream(graph, threshold=0.2), [each], seen.append) for each in two()]
    for name in ("outputs", "operations", "events"):
        np.testing.assert_array_equal(getattr(found, name), np.concatenate([getattr(each, name) for each in alone]))
    assert np.flatnonzero(found.first).tolist() == [0, 8] and sum(seen) == 26
    costs = apart(found, 1000, 500.0)
    later = np.delete(found.operations, [0, 8])
    assert (
        costs["operations"]["mean"] == later.mean() and costs["operations"]["first"] == found.operations[[0, 8]].mean()
    )
    assert costs["reduction"] == {"dense": 1000 / later.mean(), "zero_skipping": 500 / later.mean()}


def test_distances() -> None:
    one, other = np.array([[0.0], [2.0]]), np.array([[0.0], [1.0]])
    assert distance(VALUES, one, other, 2.0) == {"rms_error": np.sqrt(0.5), "rms_share_of_range": np.sqrt(0.5) / 2}
    assert np.isnan(quality(distance(VALUES, one, other, 0.0)))
    assert distance(Task("classes", (2,)), np.eye(2), np.array([[1.0, 0.0], [0.9, 0.1]]), 1.0) == {
        "same_decisions": 0.5
    }
    assert distance(Task("mask", (2, 1, 1), 0.5), np.array([[0.6, 0.2]]), np.array([[0.9, 0.8]]), 1.0) == {
        "same_decisions": 0.5
    }
    assert extent(VALUES, None, one) == 2.0 and extent(VALUES, np.array([[0.0], [7.0]]), one) == 7.0


def test_footage_of_a_data_set() -> None:
    footage = of_dataset(camera_net(1), drives())
    assert (
        [len(each.frames) for each in footage.reported] == [8, 5]
        and footage.labelled
        and footage.chosen_from == "training recordings"
    )
    assert (
        footage.task.kind == "values"
        and footage.reported[1].targets is not None
        and footage.reported[1].targets.shape == (5, 1)
    )
    assert [len(each.frames) for each in of_dataset(camera_net(1), drives(), most=6).reported] == [6]
    assert not of_dataset(camera_net(1), drives(labels=False)).labelled
    same = Dataset("one", Encoder("graded"), lambda split: drives().read("test"))
    assert of_dataset(camera_net(1), same).chosen_on == []
    with pytest.raises(InputError, match=r"frames of tall have shape \(9, 7, 3\), the network's input \(6, 7, 3\)"):
        of_dataset(camera_net(1), Dataset("tall", Encoder("graded"), lambda split: Split(np.zeros((4, 9, 7, 3)), None)))


def test_footage_of_a_video() -> None:
    footage = of_video(camera_net(), frames(20), Framing((6, 7)), first=5, most=10)
    assert (len(footage.chosen_on[0].frames), len(footage.reported[0].frames)) == (
        5,
        10,
    ) and footage.chosen_from == "the first 5 frames"
    np.testing.assert_array_equal(footage.reported[0].frames, frames(20)[5:15])
    with pytest.raises(
        InputError, match="array: has 20 frames; a threshold is chosen on the first 19, and two .* follow; give fewer"
    ):
        of_video(camera_net(), frames(20), Framing((6, 7)), first=19)


def test_in_turn_and_at_once() -> None:
    graph = camera_net(1)
    found = in_turn(Stream(graph), two(), None, [], VALUES, 1.0)
    assert found["frames"] == 11 and list(found["ms"]) == ["event network"]
    several = at_once(lambda: Stream(graph), two())
    assert [each["streams"] for each in several] == [1, 2, 4] and all(each["frames_a_second"] > 0 for each in several)


def test_variants_are_timed_beside_the_stream(tmp_path: Path) -> None:
    from tfsnn.evaluate.baselines.original import original

    net = converted(tmp_path)
    model = original(net, tmp_path / "net.snn.h5", None)
    others, notes = variants(model, net.graph, two())
    if not others:
        pytest.skip(notes[0])
    assert [other.name for other in others] == [
        f"the {form}, {threads}"
        for form in ("float model, LiteRT float32", "int8 form of the model, LiteRT")
        for threads in ("1 thread", "2 threads")
    ]
    found = in_turn(Stream(net), two(), model, others, VALUES, 1.0)["ms"]
    assert list(found) == ["event network", *(other.name for other in others)]
    assert found[others[1].name]["rms_error"] < 1e-6 < found[others[2].name]["rms_error"]
    missing = "the Keras model was not found (--model MODEL.h5): nothing was timed beside the stream"
    assert variants(None, net.graph, two()) == ([], [missing])


def test_int8_form_is_another_one() -> None:
    model = sequential((4, 4, 1), "Conv2D(3, 2, activation='relu')", "Flatten()", "Dense(2)")
    frames = np.random.default_rng(0).random((8, 4, 4, 1), np.float32)
    try:
        whole, small = litert(model), litert(model, calibration=frames)
    except FileError as error:
        pytest.skip(str(error))
    difference = np.abs(whole(frames[:1]) - small(frames[:1]))
    assert 0 < difference.max() < 0.1 and small.name == "the int8 form of the model, LiteRT, 1 thread"


def converted(folder: Path) -> Net:
    model = sequential((6, 7, 3), "Conv2D(4, 3, activation='relu')", "Flatten()", "Dense(1)")
    model.save(folder / "model.h5")
    net: Net = convert_model(
        folder / "model.h5", calibration=frames(10), encoder={"kind": "delta", "scale": 1 / 255, "threshold": 0.0}
    )
    artifact.save(net, folder / "net.snn.h5")
    return net


def test_command_on_a_video(tmp_path: Path, capsys: Capture) -> None:
    converted(tmp_path)
    np.save(tmp_path / "video.npy", frames(40))
    out = tmp_path / "report"
    line = [
        "evaluate",
        str(tmp_path / "net.snn.h5"),
        "--data",
        str(tmp_path / "video.npy"),
        "--out",
        str(out),
        "--first",
        "10",
    ]
    assert main([*line, "--thresholds", "0.02,0.1", "--quality", "0.5"]) == 0
    said, complaints = capsys.readouterr()
    assert "30 frames of video.npy in 1 recording: at a threshold of " in said and "on the first 10 frames" in said
    assert complaints == "" and "rms, " in said and "from Keras, model.h5" in said
    content = json.loads((out / "streams.json").read_text())
    assert content["format"] == "tfsnn-streams" and content["baselines"]["the integer ANN"] is None
    assert [row["threshold"] for row in content["rows"]] == [0.02, 0.1] and content["task"]["measure"] is None
    live = Stream(
        artifact.load(tmp_path / "net.snn.h5"), threshold=content["rows"][content["headline"]["row"]]["threshold"]
    )
    for frame in frames(40)[10:]:
        live.step(frame)
    assert content["series"]["outputs"][-1] == live.outputs.tolist()
    page = (out / "report.html").read_text()
    assert page.count("<figure>") == 5 and "frames/s of all" in page
    assert main(line) == 2 and "is not empty already" in capsys.readouterr().err


def test_no_saving_is_claimed_where_too_little_is_kept() -> None:
    content: dict[str, Any] = {
        "rows": [
            {"threshold": 0.5, "reduction": {"dense": 20.0}, "against": {"the integer ANN": {"same_decisions": 0.5}}}
        ],
        "headline": {"row": 0, "wanted": 0.99, "within": False, "on": "the first 10 frames"},
        "speed": {
            "ms": {
                EVENT: {"mean": 9.0, "median": 1.0},
                "slow": {"mean": 3.0, "median": 4.0},
                "fast": {"mean": 5.0, "median": 2.0},
            }
        },
    }
    said = (
        "At a threshold of 0.5, 50.00 % of the decisions are the same: the threshold that was given does not keep 0.99 "
    )
    assert headline(content) == said + "of the integer ANN on the first 10 frames, so no saving is claimed."
    # What was promised on other frames is claimed no more where these keep markedly less.
    promised = content["headline"] | {"within": True}
    assert headline(content | {"headline": promised}).endswith(": it keeps 0.99 of the integer ANN on the first 10 frames, and less on the "
                                                               "frames reported, so no saving is claimed.")  # fmt: skip
    content["rows"][0]["against"]["the integer ANN"]["same_decisions"] = 0.985
    claimed = headline(content | {"headline": promised})
    needs = "20.0 times fewer operations than the dense network"
    assert (
        claimed
        == f"A frame takes {needs}, and less time: 1.00 ms beside 2.00 ms (fast); 98.50 % of the decisions are the"
        " same."
    )
    content["speed"]["ms"]["fast"]["median"] = 0.5
    claimed = headline(content | {"headline": promised})
    assert claimed.startswith(f"A frame takes more time, 1.00 ms beside 0.50 ms (fast), though {needs}; ")


def evaluating(folder: Path, data: str) -> list[str]:
    """The command line of the tests below."""
    return ["evaluate", str(folder / "net.snn.h5"), "--data", str(folder / data), "--out", str(folder / "report")]


def test_frames_of_one_class_are_no_ground_to_choose_on(tmp_path: Path, capsys: Capture) -> None:
    artifact.save(Net(camera_net()), tmp_path / "net.snn.h5")
    np.save(tmp_path / "video.npy", np.concatenate([np.repeat(frames(1), 10, axis=0), frames(5)]))
    line = evaluating(tmp_path, "video.npy")
    assert main([*line, "--first", "10", "--thresholds", "0.05,0.1"]) == 0
    assert "100.0 % of the frames that the threshold was chosen on show one class" in capsys.readouterr().out
    assert main([*line, "--first", "10", "--thresholds", "0.05,0.1", "--decide", "values", "--force"]) == 0
    assert "show one class" not in capsys.readouterr().out


def test_command_on_labelled_masks(tmp_path: Path, capsys: Capture) -> None:
    image = Input("in", (6, 7, 3), Encoder("delta", threshold=0.02))
    net = Net(network(image, conv("mask", image, Conv(1, (1, 1)), np.array([[[[3], [-2], [1]]]]), f="sigmoid")))
    artifact.save(net, tmp_path / "net.snn.h5")
    video = frames(12)
    right = forward(net.graph, {"in": Encoder("graded").frames(video)})["mask"].reshape(12, 6, 7, 1) > 0
    np.savez(tmp_path / "lane.npz", x=video, y=right.astype(np.uint8))
    line = evaluating(tmp_path, "lane.npz")
    assert main([*line, "--stream", "--thresholds", "0.05"]) == 0
    said = capsys.readouterr().out
    assert "The threshold was given; it keeps " in said
    assert "iou " in said and "of its decisions are those of the integer ANN" in said and "on these frames" in said
    content = json.loads((tmp_path / "report" / "streams.json").read_text())
    assert content["baselines"]["the integer ANN"]["iou"] == 1.0 and "outputs" not in content["series"]
    assert content["notes"] == ["the Keras model was not found (--model MODEL.h5): nothing was timed beside the stream"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--quality", "2"], "--quality 2; give a share above 0, up to 1"),
        (["--first", "-1"], "--first takes 0 frames or more, --samples 2 or more"),
        (["--samples", "1"], "--first takes 0 frames or more, --samples 2 or more"),
        (
            ["--margin", "2"],
            "--margin 2: goes with samples that are no recording; --quality says what a recording must keep",
        ),
        (["--select-on", "train"], "--select-on: goes with samples that are no recording; leave it out"),
        (["--engine", "eager"], "recordings are run frame by frame on the compiled engine"),
        (["--colour", "grey"], "--colour grey gives 1 channels; the network's input takes 3"),
        (["--first", "200"], "video.npy: has 40 frames; a threshold is chosen on the first 200, and two"),
        (
            ["--first", "39"],
            "video.npy: has 40 frames; a threshold is chosen on the first 39, and two at least must follow",
        ),
        (["--data", "digits", "--every", "2"], "--every: goes with recordings; leave it out, or give --stream where"),
        (["--data", "road_small", "--every", "2"], "--every: goes with a video; leave it out"),
        (["--data", "road_small"], r"frames of road_small have shape (33, 100, 3), the network's input (6, 7, 3)"),
    ],
)
def test_one_clean_line(tmp_path: Path, capsys: Capture, options: list[str], message: str) -> None:
    artifact.save(Net(camera_net(1)), tmp_path / "net.snn.h5")
    np.save(tmp_path / "video.npy", frames(40))
    line = evaluating(tmp_path, "video.npy")
    assert main([*line, *options]) == 2
    said, complaint = capsys.readouterr()
    assert said == "" and complaint.startswith("error: ") and complaint.count("\n") == 1 and message in complaint
    assert not (tmp_path / "report").exists()
