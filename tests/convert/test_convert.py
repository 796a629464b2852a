"""From a model to a network: what is chosen where nothing is said, what is written down, and what is refused."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

import tfsnn
from tests.convert_parts import PIXELS, difference, graph_of, keras_outputs, outputs, randomised, record, sequential
from tests.data_folder import folder
from tests.house import ROOT
from tfsnn.convert.calibrate import expected_scale, synthetic
from tfsnn.convert.input_encoder import default_encoder
from tfsnn.convert.lower.driver import examine, lower
from tfsnn.convert.pipeline import convert_model, samples_of
from tfsnn.convert.read.read import from_live, read
from tfsnn.convert.verify.compare import softmaxed
from tfsnn.errors import ConversionError, FileError, InputError
from tfsnn.input.datasets import load
from tfsnn.input.encoder import Encoder
from tfsnn.network.forward import forward
from tfsnn.network.graph import Graph
from tfsnn.network.nodes import Neurons
from tfsnn.stage.provenance import digest, sha256

FIRST = "data_format='channels_first'"
BN, TURN, GLOBAL, END = "BatchNormalization()", "Permute((2, 1, 3))", "GlobalMaxPooling2D()", ("Flatten()", "Dense(4)")
SIMULATED: tuple[tuple[tuple[int, ...], tuple[str, ...]], ...] = (
    (
        (9, 6, 2),
        ("Conv2D(4, (3, 2), strides=(2, 1), padding='same')", BN, "ReLU()", BN, "Conv2D(3, 2, padding='same')"),
    ),
    (
        (9, 6, 2),
        (
            "DepthwiseConv2D(3, depth_multiplier=2, activation='relu')",
            "Conv2D(6, 2, groups=2, activation='tanh')",
            *END,
        ),
    ),
    ((9, 6, 2), ("SeparableConv2D(4, 3, padding='same', activation='relu')", "GlobalAveragePooling2D()", "Dense(3)")),
    (
        (9, 6, 2),
        (
            "Conv2DTranspose(3, 3, strides=2, activation='elu')",
            "Cropping2D(2)",
            "AveragePooling2D(3, 2, padding='same')",
            *END,
        ),
    ),
    (
        (9, 6, 2),
        (
            "Conv2D(4, 3)",
            "ZeroPadding2D(1)",
            "MaxPooling2D(3, 2, padding='same')",
            BN,
            "LeakyReLU(.1)",
            "Flatten()",
            "Dense(3)",
        ),
    ),
    # Not as many columns as filters: there Keras 3.15 adds the bias of channels_first along the columns.
    ((2, 9, 8), (f"Conv2D(4, 3, {FIRST})", "BatchNormalization(axis=1)", "PReLU()", f"MaxPooling2D(2, {FIRST})", *END)),
    (
        (11, 3),
        (
            "Conv1D(4, 3, dilation_rate=2, padding='causal', activation='selu')",
            "MaxPooling1D(2)",
            *END,
            "Activation('sigmoid')",
        ),
    ),
    (
        (12,),
        (
            "Rescaling(2., offset=-1)",
            "Dense(8, activation='gelu')",
            BN,
            "Dense(8, activation='silu')",
            "Dense(3)",
            "Softmax()",
        ),
    ),
    (
        (6, 6, 3),
        (
            "UpSampling2D(2)",
            "Conv2D(4, 4, strides=2, padding='same')",
            "ReLU(2.)",
            TURN,
            "Reshape((-1, 6))",
            "Conv1D(2, 3)",
        ),
    ),
    (
        (6, 6, 3),
        (
            "ReLU(threshold=.3)",
            "Conv2D(4, 3, activation='softplus')",
            "Conv2D(2, 2, activation='hard_sigmoid')",
            GLOBAL,
        ),
    ),
)


def run_small(model: Any, shape: tuple[int, ...], threshold: float = 2e-4) -> float:
    """How far a converted network, simulated at a small threshold under both schedules, is from Keras."""
    net = convert_model(model, weight_bits=16)
    raw = np.random.default_rng(3).integers(0, 256, (2, *shape))
    last, expected, worst = net.graph[net.graph.outputs[0]], keras_outputs(model, {"input": PIXELS.frames(raw)}), 0.0
    for schedule, engine in (("slot", "eager"), ("slot", "compiled"), ("spike", "compiled")):
        found = tfsnn.simulate(net, PIXELS.events(raw), threshold=threshold, engine=engine, schedule=schedule).outputs
        if isinstance(last, Neurons) and last.softmax:
            found = softmaxed(found.reshape(-1, *last.shape)).reshape(found.shape)
        worst = max(worst, difference([found], expected))
    return worst


@pytest.mark.parametrize(("shape", "texts"), SIMULATED, ids=[t[0].partition("(")[0] for _, t in SIMULATED])
def test_simulated_equals_keras(shape: tuple[int, ...], texts: tuple[str, ...]) -> None:
    assert run_small(sequential(shape, *texts), shape) < 3e-3


def test_simulated_branches_equal_keras() -> None:
    """A residual block with a scaled skip, a concatenation, an average."""
    import keras

    L = keras.layers
    inputs = L.Input((7, 6, 3))
    x = L.Conv2D(4, 3, padding="same", activation="relu")(inputs)
    y = L.Add()([L.BatchNormalization()(x), L.Conv2D(4, 3, padding="same")(x)])
    y = L.ReLU()(L.BatchNormalization()(y))
    z = L.Concatenate()([L.AveragePooling2D(3, 1, padding="same")(x), y, L.Average()([x, y])])
    model = randomised(
        keras.Model(inputs, L.Dense(3)(L.GlobalAveragePooling2D()(L.Conv2D(5, 2, activation="relu")(z - 0.5))))
    )
    assert run_small(model, (7, 6, 3)) < 3e-3


def test_skips_alone_are_resolved() -> None:
    """Where only skips meet, the grid must be as fine as their gains ask for."""
    import keras

    L = keras.layers
    inputs = L.Input((5, 4, 3))
    x, y = L.Conv2D(3, 2, activation="relu")(inputs), L.Conv2D(3, 2, activation="tanh")(inputs)
    model = randomised(
        keras.Model(inputs, L.Dense(3)(L.ReLU()(L.BatchNormalization()(L.Add()([L.BatchNormalization()(x), y])))))
    )
    assert run_small(model, (5, 4, 3)) < 3e-3


def test_provenance_and_verification_are_kept(tmp_path: Path) -> None:
    model = sequential((7, 6, 2), "Conv2D(3, 3, name='c')", BN, "ReLU()", "Flatten()", "Dense(4, name='d')")
    model.save(tmp_path / "model.h5")
    net = convert_model(tmp_path / "model.h5")
    tfsnn.save(net, tmp_path / "net.snn.h5")
    again = tfsnn.load(tmp_path / "net.snn.h5")
    assert again.verification == net.verification and set(net.verification["layers"]) == {"c", "d"}
    assert net.verification["layers"]["c"]["keras"] == net.verification["keras"]["d"] == 1e-5
    assert net.provenance["calibration"] == {
        "data": "seeded random inputs from 0 to 255 and the batch-norm statistics; no data was given",
        "samples": 64,
    }
    assert net.provenance["model"]["name"] == "model.h5"
    assert net.provenance["weights"] == {"bits": 8, "per_tensor": False, "bias_correction": False, "equalized": []}
    assert net.provenance["options"] == {}
    assert convert_model(tmp_path / "model.h5").verification == net.verification


def test_scales_come_from_statistics_or_data() -> None:
    model = sequential(
        (7, 6, 2),
        "Conv2D(3, 3, name='c')",
        BN,
        "ReLU()",
        "Flatten()",
        "Dense(4, name='d', activation='relu')",
        "Dense(2)",
    )
    raw = np.random.default_rng(0).integers(0, 3, (20, 7, 6, 2))
    free, dim = convert_model(model), convert_model(model, calibration=raw, calibrated_on="dim images")
    scales = [{n.name: n.scale for n in net.graph.nodes if isinstance(n, Neurons)} for net in (free, dim)]
    node, (mean, deviation) = free.graph["c"], examine(from_live(model), PIXELS).statistics["c"]
    assert (
        isinstance(node, Neurons)
        and scales[0]["c"] == expected_scale(node.activation, mean, deviation) != scales[1]["c"]
    )
    assert dim.provenance["calibration"] == {"data": "dim images", "samples": 20, "sha256": {"input": digest(raw)}}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            np.zeros((5, 28, 28, 1)),
            r"calibration data of shape \(5, 28, 28, 1\) for input input; give \(samples, 7, 6, 2\)",
        ),
        (
            np.zeros((0, 7, 6, 2)),
            r"calibration data of shape \(0, 7, 6, 2\) for input input; give \(samples, 7, 6, 2\)",
        ),
        (
            {"image": np.zeros((5, 7, 6, 2)), "imu": np.zeros(5)},
            "calibration data: arrays for image, imu; the model's inputs are input",
        ),
    ],
)
def test_calibration_data_that_does_not_fit(data: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        convert_model(sequential((7, 6, 2), "Flatten()", "Dense(2)"), calibration=data)


def test_encoder_where_none_is_given() -> None:
    """Pixels as they come if the model scales them itself; what our own training stored before all."""
    plain = record((4, 3, 2), ("ReLU", {}))
    scaling = record((4, 3, 2), ("Rescaling", {"scale": 1 / 127.5, "offset": -1}), ("ReLU", {}))
    lambda_ = record((4, 3, 2), ("Lambda", {}), ("ReLU", {}))
    assert default_encoder(plain) == Encoder("graded")
    assert default_encoder(scaling) == Encoder("graded", scale=1.0)
    assert default_encoder(lambda_) == Encoder("graded")
    assert default_encoder(lambda_, {"": (1 / 127.5, -1.0)}) == Encoder("graded", scale=1.0)
    assert default_encoder(record((4, 3, 2), ("Rescaling", {"scale": 2.0}))) == Encoder("graded")
    plain.attributes["tfsnn"] = {"encoder": Encoder("delay").to_json()}  # type: ignore[index]
    assert default_encoder(plain) == Encoder("delay")
    plain.attributes["tfsnn"] = {"encoder": {"kind": "loud"}}  # type: ignore[index]
    with pytest.raises(
        FileError, match="attribute tfsnn: encoder: kind 'loud'; .*give the encoder with --encode and --scale"
    ):
        default_encoder(plain)


def test_large_networks_get_fewer_samples() -> None:
    graph = graph_of(sequential((7, 6, 2), "Flatten()", "Dense(2)"))
    assert samples_of(graph, 64) == 64 and samples_of(graph, 2) == 2


def test_a_live_model_with_a_lambda_is_compared() -> None:
    model = sequential((7, 6, 2), "Lambda(lambda x: x * 2 - 1, name='l')", "Flatten()", "Dense(2)")
    net = convert_model(model, affine={"l": (2.0, -1.0)})
    assert max(net.verification["keras"].values()) <= 1e-5
    with pytest.raises(ConversionError, match="differs from Keras by .* this conversion would be wrong"):
        convert_model(model, affine={"l": (2.0, 1.0)})


POSITIVE = (
    "autoencoder_toycar_mlcommons.hdf5",
    "donkey_2outputs_keras2.3tf.h5",
    "lenet5_keras2.0.4_theano_chfirst_snntoolbox.h5",
    "mini_xception_fer2013_keras2.0.5_oarriaga.hdf5",
    "mnist_avgpool_keras2.2.4_snntoolbox.h5",
    "mnist_cnn_bn_keras3.10.h5",
    "mnist_cnn_bn_keras3.10.keras",
    "mobilenet_vww96_keras2.4_mlcommons.h5",
    "pilotnet_elu_keras1.2.1_naoki.h5",
    "pilotnet_keras2.8_deeppicar.h5",
    "resnet8_cifar10_keras2.4_mlcommons.h5",
)
# Keras 3 reads no Lambda code, no kernels of Theano, no model without an input, and no `groups` of a depthwise layer.
NOT_COMPARED = {"lenet5": "Theano", "pilotnet_elu": "Lambda"}


@pytest.mark.parametrize("name", POSITIVE)
def test_real_files_convert(name: str) -> None:
    """Every layer that Keras can show equals ours, and int8 weights rarely change the class."""
    affine = {"": (1 / 127.5, -1.0)} if "elu" in name else None
    net = convert_model(folder("keras_models", name), affine=affine)
    report = net.verification
    reason = next((text for start, text in NOT_COMPARED.items() if name.startswith(start)), "")
    if isinstance(report["keras"], str):
        assert reason and report["keras"].startswith("not compared: ") and reason in report["keras"]
    else:
        assert max(report["keras"].values()) < 1e-4
        assert sum("keras" in layer for layer in report["layers"].values()) >= 4
    assert min(report["same_class"].values()) > 0.9


def test_foreign_layers_are_all_named() -> None:
    with pytest.raises(ConversionError, match=r"layer 'fc1' \(QDense\): a layer of QKeras, which rounds") as caught:
        convert_model(folder("keras_models", "NEG_qkeras_3layer_hls4ml.h5"))
    assert [text.split("'")[1] for text in caught.value.problems] == [
        "fc1",
        "relu1",
        "fc2",
        "relu2",
        "fc3",
        "relu3",
        "output",
    ]


def accuracy(graph: Graph, frames: np.ndarray[Any, Any], labels: np.ndarray[Any, Any]) -> float:
    """Of the dense network in float, in percent."""
    right = 0
    for first in range(0, len(labels), 500):
        states = forward(graph, {"input": frames[first : first + 500]}, dtype=np.float32)
        right += int((states[graph.outputs[0]].argmax(axis=1) == labels[first : first + 500]).sum())
    return 100 * right / len(labels)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("lenet5_keras2.0.4_theano_chfirst_snntoolbox.h5", 98.96), ("mnist_avgpool_keras2.2.4_snntoolbox.h5", 99.10)],
)
def test_accuracy_on_mnist(name: str, expected: float) -> None:
    record = read(folder("keras_models", name))
    test = load("mnist", folder("tfds")).test
    frames = PIXELS.frames(test.x).reshape(-1, *(record.inputs[0].shape or ()))
    assert accuracy(lower(record, PIXELS), frames, test.y) == pytest.approx(expected, abs=0.005)


def test_accuracy_on_cifar() -> None:
    raw = Encoder("graded", scale=1.0)
    graph = lower(read(folder("keras_models", "resnet8_cifar10_keras2.4_mlcommons.h5")), raw)
    with np.load(folder("cifar10", "cifar10_test1000.npz")) as test:
        assert accuracy(graph, raw.frames(test["x"]), test["y"].reshape(-1)) == pytest.approx(87.0, abs=0.5)


SIMULATED_FILES = {
    "lenet5_keras2.0.4_theano_chfirst_snntoolbox.h5": (PIXELS, "mnist", 98.96, 0.05),
    "mnist_avgpool_keras2.2.4_snntoolbox.h5": (PIXELS, "mnist", 99.10, 0.05),
    "resnet8_cifar10_keras2.4_mlcommons.h5": (Encoder("graded", scale=1.0), "cifar10", 87.0, 0.5),
}


@pytest.mark.slow
def test_memory_of_a_large_model() -> None:
    """ResNet50, 102 MB of weights: checked within twice that, converted and verified against Keras, which loads it too, within thrice."""
    found = runpy.run_path(str(ROOT / "tests" / "benchmarks" / "bench_convert.py"))["measure"]()
    for command, row in found.items():
        print(f"\n{command}: {row['seconds']:.1f} s, {row['megabytes']:.0f} MB, {row['of_weights']:.2f} of the weights")
    assert found["check"]["of_weights"] < 2 and found["convert"]["of_weights"] < 3


@pytest.mark.slow
@pytest.mark.parametrize("name", SIMULATED_FILES)
def test_simulated_accuracy(name: str) -> None:
    """Quantized weights, slot schedule, small threshold: the accuracy of the float original."""
    encoder, data, expected, tolerance = SIMULATED_FILES[name]
    if data == "mnist":
        x, y = load("mnist", folder("tfds")).test
    else:
        with np.load(folder("cifar10", "cifar10_test1000.npz")) as test:
            x, y = test["x"], test["y"].reshape(-1)
    net = convert_model(folder("keras_models", name), encoder=encoder)
    shape = net.graph.inputs[0].shape
    result = tfsnn.simulate(net, encoder.events(x.reshape(-1, *shape)), threshold=0.005)
    found = 100 * float((result.predictions == y).mean())
    operations = float(result.operations.mean())
    print(
        f"\n{name}: {found:.2f} %, {operations:,.0f} operations a frame, {result.engine}, {result.carrier},"
        f" {result.seconds:.0f} s"
    )
    assert found == pytest.approx(expected, abs=tolerance + 0.1)


@pytest.mark.slow
@pytest.mark.parametrize("name", POSITIVE)
def test_simulated_outputs(name: str) -> None:
    """16-bit weights, slot schedule, small threshold, 100 seeded images: the outputs and classes of the float original."""
    affine, encoder = {"": (1 / 127.5, -1.0)} if "elu" in name else None, (
        Encoder("graded", scale=1.0) if "resnet8" in name else None
    )
    net = convert_model(folder("keras_models", name), encoder=encoder, affine=affine, weight_bits=16)
    node = net.graph.inputs[0]
    raw = synthetic(node, 100, 7)
    result = tfsnn.simulate(net, node.encoder.events(raw), threshold=1e-4)
    exact = lower(read(folder("keras_models", name)), node.encoder, affine=affine)
    expected = outputs(exact, {"input": node.encoder.frames(raw)}, softmax=False)
    first, same = 0, []
    for value in expected:
        found = result.outputs[:, first : first + value.shape[1]]
        first += value.shape[1]
        same.append(float((found.argmax(axis=1) == value.argmax(axis=1)).mean()))
    worst = float(
        np.abs(result.outputs - np.concatenate(expected, axis=1)).max() / max(np.abs(value).max() for value in expected)
    )
    print(
        f"\n{name}: same class {min(same):.2f}, worst difference {worst:.1e}, {result.engine}, {result.carrier},"
        f" {result.seconds:.0f} s"
    )
    assert min(same) >= 0.99 and worst < 0.01


def test_one_core_and_two_give_the_same_bytes(tmp_path: Path) -> None:
    """The order of summation depends on the number of threads that NumPy's BLAS takes; none of it may show."""
    layers = "Conv2D(16, 3, activation='relu')", "Conv2D(32, 3, strides=2, activation='relu')", "Flatten()", "Dense(10)"
    sequential((24, 24, 3), *layers).save(tmp_path / "model.h5")
    for threads in (1, 2, 3):
        with threadpool_limits(threads, "blas"):
            tfsnn.save(convert_model(tmp_path / "model.h5"), tmp_path / f"{threads}.snn.h5")
    assert len({sha256(tmp_path / f"{threads}.snn.h5") for threads in (1, 2, 3)}) == 1
