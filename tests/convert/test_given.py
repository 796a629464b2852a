"""Several inputs go by the names of Keras: an encoder, a range and data for each, from Python and by command."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tfsnn
from tests.convert_parts import sequential
from tfsnn.__main__ import main
from tfsnn.convert.given import by_input, collected, ranges_of
from tfsnn.convert.pipeline import convert_model
from tfsnn.errors import InputError
from tfsnn.input.dataset import Dataset, Split
from tfsnn.input.encoder import Encoder

IMAGES = np.random.default_rng(0).integers(0, 256, (40, 6, 7, 1), dtype=np.uint8)
IMU = np.random.default_rng(1).normal(size=(40, 3)).astype(np.float32)


def model() -> Any:
    """An image and three numbers become two classes and an angle; a layer bears the name that a population would get."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(0)
    image, imu = layers.Input((6, 7, 1), name="image"), layers.Input((3,), name="imu")
    x = layers.Flatten()(layers.Conv2D(3, 3, activation="relu", name="see")(layers.Rescaling(1 / 255)(image)))
    x = layers.Concatenate()([x, layers.Dense(4, activation="relu", name="feel")(imu)])
    return keras.Model([image, imu], [layers.Dense(2, activation="softmax", name="kind")(x), layers.Dense(1, name="angle")(x)])


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model, and data for it by the names of inputs and outputs; targets are what the model answers."""
    place = tmp_path_factory.mktemp("two")
    made = model()
    made.save(place / "two.keras")
    kind, angle = (np.asarray(values) for values in made([IMAGES.astype(np.float32), IMU]))
    np.savez(place / "two.npz", image=IMAGES, imu=IMU, kind=kind.argmax(axis=1), angle=angle)
    return place


def test_an_encoder_for_each_input() -> None:
    net = convert_model(model(), calibration={"imu": IMU, "image": IMAGES})
    image, imu = net.graph.inputs
    assert (image.name, imu.name) == ("image", "imu") and net.graph.outputs == ("kind", "angle")
    assert (image.encoder.scale, image.encoder.range) == (1.0, (IMAGES.min(), IMAGES.max()))
    assert imu.encoder.scale == 1.0 and imu.encoder.step < 0.05 and imu.encoder.range == (float(IMU.min()), float(IMU.max()))
    assert net.provenance["calibration"]["sha256"].keys() == {"image", "imu"}
    answers = net.predict({"image": IMAGES, "imu": IMU}, threshold=0.001)
    expected = model()([IMAGES.astype(np.float32), IMU])
    for name, wanted in zip(net.graph.outputs, expected):
        assert np.abs(answers[name] - np.asarray(wanted)).max() < 0.05 * np.abs(np.asarray(wanted)).max()


def test_settings_by_name_and_for_all() -> None:
    asked = {"image": {"step": 0.25}, "": {"scale": 0.5}}
    net = convert_model(model(), encoder=asked, input_range={"imu": (-4, 4)}, input_shapes={"imu": (3,)})
    image, imu = (node.encoder for node in net.graph.inputs)
    assert (image.scale, image.step, image.range) == (0.5, 0.25, ()) and (imu.scale, imu.range) == (0.5, (-4, 4))
    options = net.provenance["options"]
    assert options["encoder"] == {"image": {"scale": 0.5, "step": 0.25}, "imu": {"scale": 0.5}}
    assert options["range"] == {"imu": [-4, 4]} and options["input_shapes"] == {"1": [3]}
    own = convert_model(model(), encoder={"imu": Encoder("graded", scale=1.0, step=0.01)})
    assert [node.encoder.step for node in own.graph.inputs] == [0.0, 0.01]
    with pytest.raises(InputError, match="an encoder for input imo; the model's inputs are image, imu"):
        convert_model(model(), encoder={"imo": {"scale": 1.0}})
    with pytest.raises(InputError, match="a range for input imo; the model's inputs are image, imu"):
        convert_model(model(), input_range={"imo": (0, 1)})
    with pytest.raises(InputError, match=r"a shape was given for input 'imo'; the model's inputs are 0 \(image\), 1 \(imu\)"):
        convert_model(model(), input_shapes={"imo": (3,)})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (IMAGES, "calibration data: one array; the model's inputs are image, imu: give an array for each, by these names"),
        ({"image": IMAGES}, "calibration data: arrays for image; the model's inputs are image, imu"),
        ({"image": IMAGES, "imu": IMU[:, :2]}, r"calibration data of shape \(40, 2\) for input imu; give \(samples, 3\)"),
        ({"image": IMAGES, "imu": IMU[:7]}, "calibration data: 40 samples for image, 7 samples for imu; give as many for each"),
        ([(IMAGES, IMU)], "calibration: batch 0: x: holds image, and the network's inputs are image, imu"),
    ],
)
def test_data_that_do_not_fit(given: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        convert_model(model(), calibration=given)


def test_batches_calibrate_as_arrays_do() -> None:
    import tensorflow as tf

    dataset = tf.data.Dataset.from_tensor_slices({"image": IMAGES, "imu": IMU}).batch(16)
    batches = [{"image": IMAGES[first : first + 16], "imu": IMU[first : first + 16]} for first in range(0, 40, 16)]
    plain = convert_model(model(), calibration={"image": IMAGES, "imu": IMU})
    for source in (dataset, iter(batches), lambda: batches):
        net = convert_model(model(), calibration=source)
        assert net.provenance["calibration"] == plain.provenance["calibration"]
        assert [getattr(node, "scale", None) for node in net.graph] == [getattr(node, "scale", None) for node in plain.graph]
    assert convert_model(model(), calibration=dataset.repeat(), samples=10).provenance["calibration"]["samples"] == 10


def test_labels_come_with_the_data() -> None:
    net = convert_model(sequential((6, 7, 1), "Flatten()", "Dense(3, activation='softmax')"))
    labels = np.arange(40) % 3
    raw, right = collected(net.graph, [(IMAGES[:30], labels[:30]), (IMAGES[30:], labels[30:])], None, 1000)
    assert np.array_equal(raw["input"], IMAGES) and right is not None and right.tolist() == labels.tolist()
    split = Split(IMAGES, labels)
    raw, right = collected(net.graph, Dataset("d", Encoder("graded"), lambda name: split), None, 4)
    assert right is not None and len(raw["input"]) == 4 and right.tolist() == labels[[0, 13, 26, 39]].tolist()
    # There is one input, whatever Keras calls it.
    assert collected(net.graph, {"keras_tensor": IMAGES}, None, 9)[0].keys() == {"input"}
    with pytest.raises(InputError, match="labels were given beside a data set or batches, which hold their own"):
        collected(net.graph, [(IMAGES, labels)], labels, 10)
    assert collected(net.graph, None, None, 10) == ({}, None)
    assert by_input(net.graph, {"scale": 1.0}, "settings", lambda value: isinstance(value, dict)) == {"input": {"scale": 1.0}}
    with pytest.raises(InputError, match=r"encoder: range is \(1, 0\)"):
        ranges_of(net.graph, (1, 0))


def test_by_command(files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    net = tmp_path / "two.snn.h5"
    words = ["--calibrate", files / "two.npz", "--scale", "imu=1/2", "--step", "imu=1/512", "--range", "imu=-5:5"]
    assert main(["convert", *map(str, (files / "two.keras", "--out", net, *words))]) == 0
    said = capsys.readouterr().out
    assert "input imu: graded, value = 0.5 x raw on a grid of 0.00195312, raw from -5 to 5" in said
    assert "input image: graded, value = 1 x raw" in said
    assert tfsnn.load(net).graph.inputs[1].encoder == Encoder("graded", scale=0.5, step=1 / 512, range=(-5, 5))
    assert main(["convert", *map(str, (files / "two.keras", "--out", net, "--force", "--calibrate", files / "two.npz"))]) == 0
    capsys.readouterr()
    words = ["--data", files / "two.npz", "--thresholds", "0.005", "--model", files / "two.keras", "--out", tmp_path / "report"]
    assert main(["evaluate", *map(str, (net, *words))]) == 0
    text = capsys.readouterr().out
    assert "kind" in text and "angle" in text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--scale", "imo=1"), "an encoder for input imo; the model's inputs are image, imu"),
        (("--scale", "imu=one"), "--scale 'one'; give a number or a fraction such as 1/255"),
        (("--range", "imu=3:1"), "--range 'imu=3:1'; give the least and the largest raw value"),
        (("--encode", "imu=loud"), "--encode 'loud'; choose delay, graded, delta"),
        (("--bins", "image=few"), "--bins 'few'; give a whole number"),
        (("--input-shape", "imo=3"), "a shape was given for input 'imo'; the model's inputs are 0 (image), 1 (imu)"),
        (("--calibrate", "digits"), "calibration data: one array; the model's inputs are image, imu"),
        (("--calibrate", "half.npz"), "half.npz: holds no train data for input imu, only arrays image; add an array imu_train"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_one_line_for_each_mistake(
    files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(files)
    np.savez(files / "half.npz", image=IMAGES)
    assert main(["convert", "two.keras", "--out", str(tmp_path / "two.snn.h5"), *words]) == 2
    text, error = capsys.readouterr()
    assert not text and error.startswith("error: ") and message in error and error.count("\n") == 1 and not list(tmp_path.iterdir())
