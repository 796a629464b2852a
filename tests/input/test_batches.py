"""Batches as Keras takes them become whole arrays; what has no end, no content or no common shape is refused in one line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from tfsnn.errors import InputError
from tfsnn.input.batches import batched, is_batched
from tfsnn.input.dataset import Ports, Split

ONE = Ports((("input", (2,)),), ("output",))
TWO = Ports((("image", (2, 2, 1)), ("imu", (3,))), ("class", "angle"))
X, Y = np.arange(10, dtype=np.uint8).reshape(5, 2), np.array([0, 1, 2, 1, 0])


def gathered(source: Any, ports: Ports = ONE, samples: int | None = None) -> Split:
    return batched(source, samples, where="data").split("test", ports)


def pairs() -> Iterator[Any]:
    yield X[:3], Y[:3]
    yield X[3:], Y[3:]


def test_generators_lists_and_functions() -> None:
    for source in (pairs(), pairs, list(pairs())):
        x, y = gathered(source)
        assert np.array_equal(x["input"], X) and x["input"].dtype == np.uint8 and y["output"].tolist() == Y.tolist()
    alone = gathered([X[:3], [X[3:]], {"whatever": X[:1]}])
    assert alone.y is None and len(alone.x["input"]) == 6
    with pytest.raises(InputError, match="data: batches have no validation split"):
        batched(pairs, where="data").split("validation", ONE)


def test_datasets_and_sequences_of_keras() -> None:
    import keras
    import tensorflow as tf

    class Pairs(keras.utils.PyDataset):  # type: ignore[misc]
        def __len__(self) -> int:
            return 2

        def __getitem__(self, number: int) -> Any:
            return list(pairs())[number]

    for source in (tf.data.Dataset.from_tensor_slices((X, Y)).batch(2), Pairs()):
        assert is_batched(source)
        x, y = gathered(source)
        assert np.array_equal(x["input"], X) and y["output"].tolist() == Y.tolist()
    endless = tf.data.Dataset.from_tensor_slices(X).batch(2).repeat()
    with pytest.raises(InputError, match=r"data: the tf.data.Dataset repeats without end; where it never ends, say how many to take"):
        gathered(endless)
    assert np.array_equal(gathered(endless, samples=7).x["input"], np.concatenate([X, X[:2]]))
    with pytest.raises(InputError, match=r"batch 0: is a single sample of shape \(2,\); give batches, .*: call .batch\(32\)"):
        gathered(tf.data.Dataset.from_tensor_slices(X))
    ragged = tf.data.Dataset.from_tensors(tf.ragged.constant([[1, 2], [3]]))
    with pytest.raises(InputError, match=r"batch 0: x: is a RaggedTensor; give dense tensors, all samples of one shape"):
        gathered(ragged)


def test_several_inputs_and_outputs() -> None:
    image, imu = np.zeros((2, 2, 2, 1), np.uint8), np.ones((2, 3), np.float32)
    by_name = ({"image": image, "imu": imu}, {"class": Y[:2], "angle": imu[:, :1]})
    by_place = ((image, imu), [Y[:2], imu[:, :1]])
    for batch in (by_name, by_place):
        x, y = gathered([batch, batch], TWO)
        assert {name: values.shape for name, values in x.items()} == {"image": (4, 2, 2, 1), "imu": (4, 3)}
        assert y["class"].tolist() == [0, 1, 0, 1] and y["angle"].shape == (4,)
    with pytest.raises(InputError, match="batch 0: x: holds image, and the network's inputs are image, imu; give a dict with an array for"):
        gathered([{"image": image}], TWO)
    with pytest.raises(InputError, match="batch 0: holds 2 of image, 1 of imu; give as many of each"):
        gathered([{"image": image, "imu": imu[:1]}], TWO)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ([], "data: holds no samples; a generator that has been used up gives none"),
        ([(X, Y, Y)], r"batch 0: is a tuple of 3; give x, or \(x, y\) \(weights of samples are not used\)"),
        ([X, X[:, :1]], r"batch 1: has shape \(5, 1\) for input input; the network takes \(samples, 2\)"),
        ([(X, Y), X], "batch 1: holds nothing, those before it output; give the same with each"),
        ([X, X / 2], r"batch 1: is float64 of shape \(5, 2\) for input, the first uint8"),
        ([(X, Y[:3])], "batch 0: holds 5 of input, 3 of output; give as many of each"),
        ([X * np.nan], "batch 0: x: holds NaN or infinity; replace them first"),
        ([X.astype(str)], "batch 0: x: is <U3; give numbers, all samples of one shape"),
        ([[[1, 2], [3]]], "batch 0: x: is no array of numbers .*; give samples of one shape"),
    ],
)
def test_what_cannot_be_taken(source: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        gathered(source)


def test_what_does_not_end_is_bounded_by_the_memory_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TFSNN_MEMORY", "4K")

    def endless() -> Iterator[Any]:
        while True:
            yield X

    with pytest.raises(InputError, match=r"data: 515 samples take 1.0 KiB, 1.0 KiB may be taken; give fewer, and where it never ends"):
        gathered(endless)
    assert len(gathered(endless, samples=12).x["input"]) == 12


def test_what_is_no_batches() -> None:
    assert not any(map(is_batched, ("data.npz", X, {"a": X}, None, 3)))
    with pytest.raises(InputError, match="data: int gives no batches; give a tf.data.Dataset, a generator or a list of batches"):
        gathered(lambda: 3)
