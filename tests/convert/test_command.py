"""`tfsnn convert`: what it says, what it writes, and one line for each mistake."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tfsnn
from tests.convert_parts import sequential
from tfsnn.__main__ import main
from tfsnn.input.encoder import Dvs, Encoder
from tfsnn.input.framing import Framing

CONV = ("Conv2D(3, 3, name='c')", "BatchNormalization()", "ReLU()", "Flatten()", "Dense(4, name='d')")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "model.h5"
    sequential((8, 7, 2), *CONV).save(path)
    return path


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "data.npz"
    np.savez(path, x=np.random.default_rng(0).integers(0, 256, (30, 8, 7, 2), dtype=np.uint8), y=np.zeros(30, np.int64))
    return path


def run(capsys: pytest.CaptureFixture[str], *words: Any) -> tuple[int, str, str]:
    code = main(["convert", *map(str, words)])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_without_data(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "net.snn.h5"
    code, text, _ = run(capsys, model, "--out", out)
    assert code == 0 and "conv 3x3, relu" in text and f"written: {out}" in text
    assert "calibrated on 64 samples: seeded random inputs from 0 to 255 and the batch-norm statistics; no data was given" in text
    assert "against Keras, output d: " in text and "against Keras, layer by layer: worst of 2 at " in text
    assert "quantized weights against float: worst at " in text and "on 16 seeded inputs" in text
    assert tfsnn.load(out).graph.inputs[0].encoder == Encoder("graded")


def test_options(model: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "net.snn.h5"
    words = ("--calibrate", data, "--samples", 10, "--weight-bits", 4, "--per-tensor", "--encode", "delay", "--scale", "1/256", "--bins", 8)
    code, text, _ = run(capsys, model, "--out", out, *words)
    assert code == 0 and "calibrated on 10 samples: data.npz, train split" in text
    net = tfsnn.load(out)
    assert net.provenance["weights"] == {"bits": 4, "per_tensor": True, "bias_correction": True, "equalized": []}
    encoder = net.graph.inputs[0].encoder
    assert encoder == Encoder("delay", scale=1 / 256, bins=8, range=encoder.range) and len(encoder.range) == 2
    assert "input input: delay, value = 0.00390625 x raw" in text
    calibration = net.provenance["calibration"]
    assert calibration.pop("sha256").keys() == {"input"} and calibration == {"data": "data.npz, train split", "samples": 10}


def test_factors_stay_in_the_network(model: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "factors.json").write_text('{"c": 4}')
    words = (model, "--calibrate", data, "--seed", 1)
    assert run(capsys, *words, "--out", tmp_path / "plain.snn.h5")[0] == 0
    code, text, _ = run(capsys, *words, "--out", tmp_path / "net.snn.h5", "--factors", tmp_path / "factors.json")
    assert code == 0 and "threshold of c: 4 times the network's" in text
    assert run(capsys, *words, "--out", tmp_path / "again.snn.h5", "--factors", "c=4")[0] == 0
    assert (tmp_path / "again.snn.h5").read_bytes() == (tmp_path / "net.snn.h5").read_bytes()
    plain, net = tfsnn.load(tmp_path / "plain.snn.h5"), tfsnn.load(tmp_path / "net.snn.h5")
    assert net.provenance["options"]["factors"] == {"c": 4.0} and "factors" not in plain.provenance["options"]
    # One layer has a threshold: its factor is as good as a factor on the whole.
    images = np.load(data)["x"][:6]
    found, expected = (tfsnn.simulate(each, each.events(images), threshold=t) for each, t in ((net, 0.05), (plain, 0.2)))
    np.testing.assert_array_equal(found.outputs, expected.outputs)
    without = tfsnn.simulate(plain, plain.events(images), threshold=0.05)
    assert found.operations.sum() == expected.operations.sum() < without.operations.sum()
    live, other = tfsnn.Stream(net), tfsnn.Stream(plain, threshold=0.2)
    for image in images:
        np.testing.assert_array_equal(live.step(image), other.step(image))
    # What is said of a layer stands above what the network keeps.
    live = tfsnn.Stream(net, threshold={"c": 0.2})
    np.testing.assert_array_equal([live.step(image) for image in images][-1], other.outputs)


def test_evaluate_takes_the_factors_of_the_network(model: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    operations = []
    for name, words, threshold in (("plain", (), "0.2"), ("net", ("--factors", "c=4"), "0.05")):
        net, out = tmp_path / f"{name}.snn.h5", tmp_path / name
        assert run(capsys, model, "--calibrate", data, "--out", net, *words)[0] == 0
        line = ["evaluate", str(net), "--data", str(data), "--thresholds", threshold, "--samples", "4", "--out", str(out)]
        assert main(line) == 0
        operations.append(json.loads((out / "report.json").read_text())["rows"][0]["synaptic_operations"])
    assert operations[0] == operations[1]


def test_a_leaky_population(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "net.snn.h5"
    code, text, _ = run(capsys, model, "--out", out, "--tau", 20_000, "--downsample", 16, "--encode-threshold", 2)
    assert code == 0 and "input input: dvs, blocks of 16x16 pixels, a leak every 6.4 ms with tau 20 ms, changes of 2 events" in text
    assert tfsnn.load(out).graph.inputs[0].encoder == Dvs(tau=20_000, downsample=16, threshold=2.0)
    code, _, error = run(capsys, model, "--out", tmp_path / "other.h5", "--encode", "delay", "--leak-period", 100)
    assert code == 2 and "--leak-period: an encoder of kind delay has none; leave it out, or take --encode dvs" in error


def test_channels_with_thresholds_of_their_own(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "net.snn.h5"
    assert run(capsys, model, "--out", out, "--encode", "delta", "--encode-threshold", "0.02, 5/100")[0] == 0
    net = tfsnn.load(out)
    assert net.graph.inputs[0].encoder == Encoder("delta", threshold=(0.02, 0.05), range=net.graph.inputs[0].encoder.range)
    code, _, error = run(capsys, model, "--out", out, "--force", "--encode", "delta", "--encode-threshold", "0.02,0.02,0.05")
    assert code == 2 and "3 thresholds of the encoder, input of shape (8, 7, 2); give one, or 2, one for each channel" in error
    assert tfsnn.load(out).graph.inputs[0].encoder == net.graph.inputs[0].encoder
    code, _, error = run(capsys, model, "--out", out, "--force", "--encode", "delta", "--encode-threshold", "0.02,")
    assert code == 2 and "--encode-threshold ''; give a number or a fraction such as 1/255" in error
    code, _, error = run(capsys, model, "--out", out, "--force", "--encode-threshold", "0.02")
    assert code == 2 and "encoder: kind 'graded' has no threshold; choose kind 'delta' for a video (--encode delta)" in error


def test_calibrates_on_a_video(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    colour, out = tmp_path / "colour.h5", tmp_path / "net.snn.h5"
    sequential((8, 7, 3), *CONV).save(colour)
    frames = np.random.default_rng(0).integers(0, 256, (30, 16, 7, 3), dtype=np.uint8)
    np.save(tmp_path / "drive.npy", frames)
    words = ("--calibrate", tmp_path / "drive.npy", "--samples", 5, "--colour", "bgr", "--crop", "0.5,0,0,0", "--every", 3)
    code, text, _ = run(capsys, colour, "--out", out, *words)
    assert code == 0 and "calibrated on 5 samples: drive.npy, its first frames" in text
    net = tfsnn.load(out)
    assert net.graph.inputs[0].framing == Framing((8, 7), "bgr", (0.5, 0, 0, 0), every=3)
    again = tfsnn.convert_model(colour, calibration=frames[:15:3, 8:], calibrated_on="the same frames")
    assert [getattr(n, "scale", None) for n in again.graph] == [getattr(n, "scale", None) for n in net.graph]
    code, _, complaint = run(capsys, colour, "--out", tmp_path / "grey.snn.h5", "--colour", "grey")
    assert code == 2 and complaint == "error: --colour grey gives 1 channels; the network's input takes 3\n"


def test_inspect_shows_the_verification(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "net.snn.h5"
    assert run(capsys, model, "--out", out)[0] == 0
    assert main(["inspect", str(out)]) == 0
    text = capsys.readouterr().out
    header = next(line for line in text.splitlines() if line.startswith("layer "))
    assert sorted(header.split()) == ["difference", "keras", "largest", "layer"]


def test_lambda_and_open_shape(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, out = tmp_path / "model.keras", tmp_path / "net.snn.h5"
    sequential((None, None, 2), "Lambda(lambda x: x / 127.5 - 1, name='scale')", "Conv2D(3, 3)", "GlobalAveragePooling2D()").save(path)
    code, _, error = run(capsys, path, "--out", out)
    assert code == 2 and "layer 'scale' (Lambda): code, which is never run" in error
    assert "input 0: shape (None, None, 2) is not fixed" in error
    code, text, _ = run(capsys, path, "--out", out, "--lambda", "scale = x / 127.5 - 1", "--input-shape", "8x7x2")
    assert code == 0 and "not compared: the file holds Lambda code, which is never run" in text
    assert tfsnn.load(out).graph.inputs[0].encoder.scale == 1.0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--scale", "1/0"), "--scale '1/0'; give a number or a fraction such as 1/255"),
        (("--scale", "1/2/3"), "--scale '1/2/3'"),
        (("--offset", "one"), "--offset 'one'; give a number or a fraction such as 1/255"),
        (("--step", "1/0"), "--step '1/0'"),
        (("--step", "-1"), "encoder: step is -1.0; it must be a number, 0 or above"),
        (("--range", "1:0"), "--range '1:0'; give the least and the largest raw value, such as 0:1"),
        (("--range", "0:1", "--encode", "delay", "--bins", "-1"), "encoder: bins is -1"),
        (("--input-shape", "8xx2"), "--input-shape '8xx2'; give whole numbers such as 66x200x3"),
        (("--input-shape", "0x7x2"), "--input-shape '0x7x2'"),
        (("--input-shape", "9x7"), "input 0: shape (9, 7) was given, the model says (8, 7, 2); give 3 axes"),
        (("--samples", "0"), "--samples 0; calibrate on one sample at least"),
        (("--weight-bits", "1"), "weight bits 1; choose a whole number from 2 to 16"),
        (("--factors", "c"), "--factors: 'c'; give LAYER=F, as in conv2d=0.5,dense=2, or a .json file"),
        (("--factors", "none.json"), "--factors none.json: cannot be read"),
        (("--factors", "d=2"), "factors: 'd' is no layer with a threshold; there are c"),
        (("--factors", "c=0"), "factors: c is 0.0; it must be a positive number"),
        (("--lambda", "x ** 2"), "lambda"),
        (("--calibrate", "cifar"), "data set 'cifar' is unknown"),
        (("--calibrate", "digits"), "calibration data of shape (1000, 8, 8, 1) for input input; give (samples, 8, 7, 2)"),
        (("--backend", "caffe"), "backend: found 'caffe'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_one_line_for_each_mistake(
    words: tuple[str, ...], message: str, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, text, error = run(capsys, model, "--out", tmp_path / "net.snn.h5", *words)
    assert code == 2 and not text and error.startswith("error: ") and message in error and error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_overwritten(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "net.snn.h5"
    out.write_text("mine")
    code, _, error = run(capsys, model, "--out", out)
    assert code == 2 and "--force" in error and out.read_text() == "mine"
    assert run(capsys, model, "--out", out, "--force")[0] == 0 and tfsnn.load(out).graph.outputs == ("d",)


def test_all_problems_in_one_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "model.keras"
    sequential((8, 7, 2), "LayerNormalization(name='a')", "UnitNormalization(name='b')", "Dense(3, name='c')").save(path)
    code, _, error = run(capsys, path, "--out", tmp_path / "net.snn.h5")
    assert code == 2 and "layer 'a'" in error and "layer 'b'" in error and not (tmp_path / "net.snn.h5").exists()
