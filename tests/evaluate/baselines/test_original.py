"""The user's own model: found by name and SHA-256, run as its user would, read by tfsnn where Keras cannot."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from tests.convert_parts import sequential
from tfsnn import artifact
from tfsnn.__main__ import main
from tfsnn.artifact import Net
from tfsnn.errors import FileError, InputError
from tfsnn.evaluate.baselines import original as module
from tfsnn.evaluate.baselines.original import as_it_is_fed, original
from tfsnn.evaluate.workload import prepare
from tfsnn.input.dataset import Dataset, Split
from tfsnn.input.encoder import Encoder

LAYERS = ("Conv2D(3, 2, activation='relu')", "Flatten()", "Dense(2)")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model, and what it became."""
    place = tmp_path_factory.mktemp("original")
    sequential((4, 4, 1), *LAYERS).save(place / "model.h5")
    assert main(["convert", str(place / "model.h5"), "--out", str(place / "net.snn.h5")]) == 0
    return place


@pytest.fixture(scope="module")
def net(folder: Path) -> Net:
    return artifact.load(folder / "net.snn.h5")


def pixels(samples: int = 5) -> dict[str, Any]:
    return {"input": np.random.default_rng(0).integers(0, 256, (samples, 4, 4, 1)).astype(np.uint8)}


def test_found_beside_the_network_and_in_a_folder_there(folder: Path, net: Net, tmp_path: Path) -> None:
    found = original(net, folder / "net.snn.h5", None)
    assert found is not None and (found.name, found.what, found.known, found.notes) == ("model.h5", "Keras, model.h5", True, ())
    (tmp_path / "train").mkdir()
    shutil.copy(folder / "model.h5", tmp_path / "train")
    assert original(net, tmp_path / "net.snn.h5", None) is not None
    assert original(net, None, None) is None


def test_architecture_and_weights_in_two_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = sequential((4, 4, 1), *LAYERS)
    (tmp_path / "arch.json").write_text(model.to_json())
    model.save_weights(tmp_path / "values.weights.h5")
    words = ["--weights", str(tmp_path / "values.weights.h5"), "--out", str(tmp_path / "net.snn.h5")]
    assert main(["convert", str(tmp_path / "arch.json"), *words]) == 0
    made = artifact.load(tmp_path / "net.snn.h5")
    found = original(made, tmp_path / "net.snn.h5", None)
    assert found is not None and found.what == "Keras, arch.json" and found.known
    expected = np.asarray(model(pixels()["input"] / 255.0))
    np.testing.assert_allclose(found.on_raw(made.graph, pixels())[made.graph.outputs[0]], expected, atol=1e-5)

    def fail(path: Any, weights: Any) -> Any:
        raise FileError("Keras 9 cannot load the file (TypeError)")

    monkeypatch.setattr(module, "load_keras", fail)
    read = original(made, tmp_path / "net.snn.h5", None)
    assert read is not None and read.what == "arch.json as tfsnn reads it"
    (tmp_path / "values.weights.h5").unlink()
    assert original(made, tmp_path / "net.snn.h5", None) is None


def test_another_file_of_that_name_is_not_it(net: Net, tmp_path: Path) -> None:
    sequential((4, 4, 1), *LAYERS[1:]).save(tmp_path / "model.h5")
    assert original(net, tmp_path / "net.snn.h5", None) is None
    found = original(net, tmp_path / "net.snn.h5", tmp_path / "model.h5")
    assert found is not None and not found.known
    assert found.notes == ("model.h5 is not byte for byte the file that the network was converted from",)


def test_no_such_model(net: Net, tmp_path: Path) -> None:
    with pytest.raises(FileError, match="absent.h5: no such file; --model takes the Keras model"):
        original(net, None, tmp_path / "absent.h5")


def test_what_keras_is_given(folder: Path, net: Net, monkeypatch: pytest.MonkeyPatch) -> None:
    """Raw samples by their exact value, frames as they are; batch by batch."""
    import keras

    monkeypatch.setattr(module, "BATCH", 2)
    found, raw, seen = original(net, folder / "net.snn.h5", None), pixels(), list[int]()
    assert found is not None
    model = keras.saving.load_model(folder / "model.h5", compile=False)
    answers = found.on_raw(net.graph, raw, seen.append)
    np.testing.assert_allclose(answers[net.graph.outputs[0]], np.asarray(model(raw["input"] / 255.0)), atol=1e-5)
    assert seen == [2, 2, 1]
    frames = {"input": np.full((3, 4, 4, 1), 0.3, np.float32)}
    np.testing.assert_allclose(found.on_frames(net.graph, frames)[net.graph.outputs[0]], np.asarray(model(frames["input"])), atol=1e-5)


def test_what_a_model_of_our_own_is_given(folder: Path, net: Net, tmp_path: Path) -> None:
    """It was trained on the frames of its encoder."""
    shutil.copy(folder / "model.h5", tmp_path / "model.h5")
    encoder = Encoder("delay", scale=1 / 255, threshold=0.4)
    with h5py.File(tmp_path / "model.h5", "r+") as file:
        file.attrs["tfsnn"] = json.dumps({"encoder": encoder.to_json()})
    found = original(net, None, tmp_path / "model.h5")
    assert found is not None and found.trained_on == encoder
    np.testing.assert_array_equal(found.values(net.graph, pixels())[0], encoder.frames(pixels()["input"]))


def test_a_model_that_takes_raw_numbers(folder: Path, net: Net) -> None:
    """Labels show how it is fed: bytes as they are, where the network was converted for their 255th parts."""
    found, raw = original(net, folder / "net.snn.h5", None), pixels(300)
    assert found is not None
    plain, scaled = (replace(found, as_they_are=each).on_raw(net.graph, raw)[net.graph.outputs[0]].argmax(axis=1) for each in (True, False))
    assert 0.05 < np.mean(plain != scaled)
    for labels, as_they_are in ((plain, True), (scaled, False)):
        workload = prepare(net, Dataset("dots", Encoder("graded"), lambda split: Split(raw["input"], labels)))
        fed = as_it_is_fed(found, workload)
        assert fed.as_they_are is as_they_are and (fed is found) is not as_they_are
        assert np.array_equal(fed.on_raw(net.graph, raw)[net.graph.outputs[0]].argmax(axis=1), labels)
        said = "model.h5 has accuracy 1 on raw numbers as they are, accuracy 0"
        assert not as_they_are or (fed.notes[-1].startswith(said) and fed.notes[-1].endswith("convert it again with --scale 1"))


def test_a_model_that_does_not_belong(net: Net, tmp_path: Path) -> None:
    sequential((4, 4, 1), "Flatten()", "Dense(3)").save(tmp_path / "other.h5")
    found = original(net, None, tmp_path / "other.h5")
    assert found is not None
    with pytest.raises(InputError, match="other.h5: its outputs have 3 units, those of the network 2; give the model"):
        found.on_raw(net.graph, pixels())


def test_where_keras_cannot_load_the_file(folder: Path, net: Net, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(path: Any, weights: Any) -> Any:
        raise FileError("Keras 9 cannot load the file (TypeError)")

    found = original(net, folder / "net.snn.h5", None)
    monkeypatch.setattr(module, "load_keras", fail)
    read = original(net, folder / "net.snn.h5", None)
    assert found is not None and read is not None and read.keras is None and read.what == "model.h5 as tfsnn reads it"
    assert read.notes == (
        "Keras 9 cannot load the file (TypeError): the network that tfsnn reads from the file, in 16-bit weights, stands for it",
    )
    exact = found.on_raw(net.graph, pixels())[net.graph.outputs[0]]
    np.testing.assert_allclose(read.on_raw(net.graph, pixels())[net.graph.outputs[0]], exact, atol=1e-3 * np.abs(exact).max())


def test_what_convert_could_not_compare_keras_does_not_load(folder: Path, net: Net, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "load_keras", lambda path, weights: pytest.fail("it was loaded"))
    warned = Net(net.graph, net.provenance, {"keras": "not compared: the file holds Lambda code, which is never run"})
    found = original(warned, folder / "net.snn.h5", None)
    assert found is not None and found.notes[0].startswith("the file holds Lambda code, which is never run: the network")


def test_what_nobody_can_read(net: Net, tmp_path: Path) -> None:
    (tmp_path / "model.h5").write_text("no HDF5")
    with pytest.raises(FileError, match="model.h5: neither Keras nor tfsnn can read it .*; evaluate without --model"):
        original(net, None, tmp_path / "model.h5")


def test_options_of_the_conversion(net: Net) -> None:
    options = {"lambda": {"": [0.5, -1.0], "a": [2.0, 0.0]}, "input_shapes": {"0": [66, 200, 3]}, "backend": "theano"}
    words = module._options(Net(net.graph, {"options": options}))
    assert words == [
        "--lambda", "x * 0.5 + -1.0", "--lambda", "a=x * 2.0 + 0.0", "--input-shape", "66x200x3", "--backend", "theano", "--lossy",
    ]  # fmt: skip
    assert module._options(Net(net.graph)) == ["--lossy"]
