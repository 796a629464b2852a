"""Real files with bytes flipped, cut and redirected: our error, or a record; never another error, a crash or a hang.

A changed weight is a record like any other: no checksum guards the numbers in a Keras file.
"""

from __future__ import annotations

import copy
import dataclasses
import json
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from tests.data_folder import folder
from tests.keras_files import dense, functional, node, numbers, sequential, write
from tfsnn.bounded_json import parsed
from tfsnn.convert.read import read as reader
from tfsnn.convert.read.h5 import h5_model
from tfsnn.errors import ConversionError, FileError
from tfsnn.hdf5.reader import opened

REAL = (
    "NEG_qkeras_3layer_hls4ml.h5",
    "mnist_avgpool_keras2.2.4_snntoolbox.h5",
    "mini_xception_fer2013_keras2.0.5_oarriaga.hdf5",
    "resnet8_cifar10_keras2.4_mlcommons.h5",
    "mnist_cnn_bn_keras3.10.keras",
)
# Cases for each file: the first number by default, the second with -m slow.
COUNTS = [pytest.param(200, id="some"), pytest.param(3000, id="many", marks=pytest.mark.slow)]
# No case takes a tenth of this on a quiet machine; a hang takes forever.
LONGEST = 10


def metadata(path: Path) -> np.ndarray[Any, Any]:
    """The places in an HDF5 file that are not array data: flips there do more harm."""
    inside = np.zeros(path.stat().st_size + 1, bool)
    with h5py.File(path) as file:

        def mark(_: str, item: Any) -> None:
            if isinstance(item, h5py.Dataset) and item.id.get_offset() is not None:
                inside[item.id.get_offset() : item.id.get_offset() + item.id.get_storage_size()] = True

        file.visititems(mark)
    return np.flatnonzero(~inside[:-1])


def damaged(whole: bytes, places: np.ndarray[Any, Any], random: np.random.Generator) -> bytes:
    """Cut, redirect addresses, or flip bytes."""
    data = bytearray(whole)
    kind = random.random()
    if kind < 0.1:
        return bytes(data[: random.integers(len(data))])
    aligned = places[places % 8 == 0][:-1]
    for _ in range(random.choice([1, 1, 1, 2, 4, 16])):
        if kind < 0.4:
            place = int(random.choice(aligned))
            target = (int(random.choice(aligned)), 0, len(data) - 8, 2**32, 2**63)[random.integers(5)]
            data[place : place + 8] = target.to_bytes(8, "little")
        else:
            place = int(random.choice(places) if random.random() < 0.8 else random.integers(len(data)))
            flipped = data[place] ^ 1 << int(random.integers(8))
            data[place] = (0, 255, flipped, int(random.integers(256)))[random.integers(4)]
    return bytes(data)


def outcome(path: Path) -> str:
    start = time.perf_counter()
    try:
        reader.read(path)
    except (FileError, ConversionError) as error:
        assert str(error).startswith(str(path)) and "; " in str(error)
        return "refused"
    finally:
        assert time.perf_counter() - start < LONGEST
    return "read"


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("name", REAL)
def test_damaged_files(name: str, count: int, tmp_path: Path) -> None:
    source = folder("keras_models", name)
    whole = source.read_bytes()
    places = metadata(source) if source.suffix != ".keras" else np.arange(len(whole))
    random = np.random.default_rng(len(whole))
    target = tmp_path / f"net{source.suffix}"
    found: Counter[str] = Counter()
    for _ in range(count):
        target.write_bytes(damaged(whole, places, random))
        found[outcome(target)] += 1
    assert found["refused"] > count // 10


def test_damaged_small_files(tmp_path: Path) -> None:
    """The same without the data folder, on files that are nearly all structure."""
    layers: list[tuple[str, dict[str, Any]]] = [("Dense", {"units": 2, "batch_input_shape": [None, 2]})]
    layers.append(("Dense", {"units": 2}))
    weights = {
        name: [(f"{name}/kernel:0", numbers(2, 2)), (f"{name}/bias:0", numbers(2))] for name in ("layer_0", "layer_1")
    }
    source = write(tmp_path / "whole.h5", sequential(*layers), weights)
    whole, random = source.read_bytes(), np.random.default_rng(7)
    target = tmp_path / "net.h5"
    found: Counter[str] = Counter()
    for _ in range(1000):
        target.write_bytes(damaged(whole, np.arange(len(whole)), random))
        found[outcome(target)] += 1
    assert min(found.values()) > 50


def sites(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in a JSON structure."""
    for key in list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield value, key
        yield from sites(value[key])


STRANGE: list[Any] = [None, [], {}, 0, -1, 1, True, "x", "", 1e308, [[]], {"a": []}, [None, 3], ["i", 0, 0]]
STRANGE.append({"class_name": "Sequential"})


def test_damaged_configs(tmp_path: Path) -> None:
    """Any value in a config may be missing, of another type, or another part of the config."""
    start = node("i", "InputLayer", batch_input_shape=[None, 3])
    block = functional([start, dense("d", [[("i", 0, 0)]])], [["i", 0, 0]], [["d", 0, 0]], name="b")
    calls = [[["i", 0, 0, {}]], [["b", 1, 0, {}]]]
    layers = [start, {**block, "name": "b", "inbound_nodes": calls}, dense("d", [[("b", 1, 0)], [("b", 2, 0)]])]
    layers.append(node("n", "BatchNormalization", [[["d", 1, 0, {}]]], axis=[1]))
    layers.append(node("l", "Lambda", [["n", 0, 0, {"y": 2}]]))
    config = functional(layers, [["i", 0, 0]], [["l", 0, 0], ["d", 0, 0]])
    pair = [("d/kernel:0", numbers(3, 3)), ("d/bias:0", numbers(3))]
    norm = [(f"n/{role}:0", numbers(3)) for role in ("gamma", "beta", "moving_mean", "moving_variance")]
    path = write(tmp_path / "net.h5", config, {"b": pair, "d": pair, "n": norm})
    with opened(path) as root:
        source = h5_model(root, "net")
    random, found = np.random.default_rng(3), Counter[str]()
    for _ in range(2000):
        changed = copy.deepcopy(config)
        for _ in range(random.choice([1, 1, 2, 3])):
            places = list(sites(changed))
            owner, key = places[random.integers(len(places))]
            other, at = places[random.integers(len(places))]
            choice = random.integers(len(STRANGE) + 4)
            if choice == len(STRANGE):
                del owner[key]
            else:
                owner[key] = copy.deepcopy(STRANGE[choice] if choice < len(STRANGE) else other[at])
        try:
            text = parsed(json.dumps(changed), "net", "config")
            reader._record(dataclasses.replace(source, config=text), "net", None)
            found["read"] += 1
        except (FileError, ConversionError):
            found["refused"] += 1
    assert min(found.values()) > 100
