"""Data sets that come batch by batch: a ``tf.data.Dataset``, a ``keras.utils.Sequence``, a generator or anything iterable.

A batch is x or (x, y), as Keras takes it: x is an array (samples, \\*shape), or a dict or list of arrays where there are
several inputs; y likewise by output. What comes is gathered into whole arrays, within the memory budget.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from tfsnn.aliases import Array
from tfsnn.errors import InputError
from tfsnn.input.dataset import Dataset, Ports, Split
from tfsnn.input.encoder import Encoder
from tfsnn.input.targets import targets
from tfsnn.memory import budget, size_of

SHARE = 4
"""Of the memory budget a quarter, at most, goes to what is gathered: it stands twice for a moment, and frames and events follow."""
LIMIT = "where it never ends, say how many to take (samples=N, or .take(n) of a tf.data.Dataset)"
Parts = dict[str, list[Array]]


def is_batched(source: object) -> bool:
    """Whether something gives batches, and is neither an array, nor a path, nor a dict of arrays."""
    if isinstance(source, (str, bytes, Mapping, np.ndarray)) or hasattr(source, "__array__") or hasattr(source, "__fspath__"):
        return False
    return callable(source) or isinstance(source, Iterable) or _is_sequence(source)


def batched(source: Any, samples: int | None = None, *, where: str) -> Dataset:
    """What comes in batches as a data set; its test and its training split are the same.

    Parameters
    ----------
    source
        Batches, or a function without arguments that returns them.
    samples
        Take the first so many; None: all, which must have an end.
    where
        What the batches are called, for messages.
    """

    def read(split: str) -> Split:
        raise InputError(f"{where}: batches have no {split} split; give a data set that has one")

    def by_name(split: str, ports: Ports) -> Split:
        return read(split) if split == "validation" else gathered(ports)

    @cache
    def gathered(ports: Ports) -> Split:
        return _gathered(source, samples, where, ports)

    return Dataset("given data", Encoder("graded"), read, by_name)


def _is_sequence(source: object) -> bool:
    return hasattr(source, "__len__") and hasattr(source, "__getitem__")


def _batches(source: Any, samples: int | None, where: str) -> Iterator[Any]:
    found = source() if callable(source) and not isinstance(source, Iterable) else source
    # Of Keras, whose iteration goes on for ever: its length is that of one pass.
    if _is_sequence(found) and not isinstance(found, Sequence) and not hasattr(found, "cardinality"):
        return (found[number] for number in range(len(found)))
    if not isinstance(found, Iterable):
        raise InputError(f"{where}: {type(found).__name__} gives no batches; give a tf.data.Dataset, a generator or a list of batches")
    # tf.data.INFINITE_CARDINALITY
    if samples is None and hasattr(found, "cardinality") and int(found.cardinality()) == -1:
        raise InputError(f"{where}: the tf.data.Dataset repeats without end; {LIMIT}")
    return iter(found)


def _gathered(source: Any, samples: int | None, where: str, ports: Ports) -> Split:
    x: Parts = {}
    y: Parts = {}
    seen = taken = 0
    room = budget() // SHARE
    for number, batch in enumerate(_batches(source, samples, where)):
        here = f"{where}: batch {number}"
        images, right = _parts(batch, ports, here)
        size = _samples(images, right, here)
        for kept, found in ((x, images), (y, right)):
            if number and set(kept) != set(found):
                raise InputError(f"{here}: holds {_listed(found)}, those before it {_listed(kept)}; give the same with each")
            for name, values in found.items():
                before = kept.setdefault(name, [])
                before.append(_alike(before[0] if before else values, name, values, here))
                taken += values.nbytes
        seen += size
        if samples is not None and seen >= samples:
            break
        if taken > room:
            found_so_far = f"{seen} samples take {size_of(taken)}, {size_of(room)} may be taken"
            raise InputError(f"{where}: {found_so_far}; give fewer, and {LIMIT}")
    if not seen:
        raise InputError(f"{where}: holds no samples; a generator that has been used up gives none: make it anew")
    joined = {name: np.concatenate(parts)[:samples] for name, parts in x.items()}
    labels = {name: targets(np.concatenate(parts)[:samples], len(next(iter(joined.values()))), f"{where}: y") for name, parts in y.items()}
    return Split(joined, labels or None)


def _parts(batch: Any, ports: Ports, here: str) -> tuple[dict[str, Array], dict[str, Array]]:
    """x and y of a batch by the names of inputs and outputs."""
    pair = batch if isinstance(batch, tuple) else (batch,)
    if not 1 <= len(pair) <= 2:
        raise InputError(f"{here}: is a tuple of {len(pair)}; give x, or (x, y) (weights of samples are not used)")
    names = tuple(name for name, _ in ports.inputs)
    images = _named(pair[0], names, f"{here}: x", "inputs")
    for name, shape in ports.inputs:
        if images[name].shape == shape:
            raise InputError(f"{here}: is a single sample of shape {shape}; give batches, (samples, *shape): call .batch(32)")
        if images[name].shape[1:] != shape:
            allowed = f"(samples, {', '.join(map(str, shape))})"
            raise InputError(f"{here}: has shape {images[name].shape} for input {name}; the network takes {allowed}")
    return images, _named(pair[1], ports.outputs, f"{here}: y", "outputs") if len(pair) == 2 else {}


def _named(given: Any, names: tuple[str, ...], here: str, what: str) -> dict[str, Array]:
    if isinstance(given, Mapping):
        # There is one, whatever it is called.
        found = dict(zip(names, given.values())) if len(names) == len(given) == 1 else dict(given)
    elif isinstance(given, (list, tuple)) and len(given) == len(names) and (len(names) > 1 or hasattr(given[0], "__array__")):
        found = dict(zip(names, given))
    else:
        found = {names[0]: given}
    if set(found) != set(names):
        known = f"the network's {what} are {', '.join(names)}"
        raise InputError(f"{here}: holds {_listed(found)}, and {known}; give a dict with an array for each")
    return {name: _array(values, here) for name, values in found.items()}


def _listed(found: Mapping[str, Any]) -> str:
    return ", ".join(map(str, found)) or "nothing"


def _array(values: Any, here: str) -> Array:
    if hasattr(values, "row_splits") or hasattr(values, "dense_shape"):
        raise InputError(f"{here}: is a {type(values).__name__}; give dense tensors, all samples of one shape (.to_tensor())")
    try:
        array = np.asarray(values)
    except (ValueError, TypeError) as error:
        raise InputError(f"{here}: is no array of numbers ({' '.join(str(error).split())[:100]}); give samples of one shape") from error
    if array.dtype.kind not in "biuf":
        raise InputError(f"{here}: is {array.dtype}; give numbers, all samples of one shape")
    if not np.isfinite(array).all():
        raise InputError(f"{here}: holds NaN or infinity; replace them first")
    return array


def _samples(images: Mapping[str, Array], right: Mapping[str, Array], here: str) -> int:
    sizes = {name: len(values) if values.ndim else 0 for name, values in (*images.items(), *right.items())}
    if len(set(sizes.values())) > 1:
        found = ", ".join(f"{size} of {name}" for name, size in sizes.items())
        raise InputError(f"{here}: holds {found}; give as many of each")
    return next(iter(sizes.values()))


def _alike(first: Array, name: str, values: Array, here: str) -> Array:
    """What came, of the shape and the kind of what came before."""
    if values.shape[1:] != first.shape[1:] or values.dtype != first.dtype:
        found = f"is {values.dtype} of shape {values.shape} for {name}, the first {first.dtype} of shape {first.shape}"
        raise InputError(f"{here}: {found}; give samples of one shape and dtype")
    return values
