"""Data sets in .npz and .npy files: arrays by split, and where a network has several inputs or outputs, by their names."""

from __future__ import annotations

from functools import cache, partial
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
from numpy.typing import NDArray

from tfsnn.errors import InputError
from tfsnn.input.dataset import Dataset, Ports, Split
from tfsnn.input.encoder import Encoder
from tfsnn.input.npz import DAMAGE
from tfsnn.input.npz import names as array_names
from tfsnn.input.npz import unpacked
from tfsnn.input.targets import targets
from tfsnn.memory import afford

PAIRS = {
    split: ((f"x_{split}", f"y_{split}"), (f"{split}_x", f"{split}_y"), ("x", "y")) for split in ("train", "test")
} | {"validation": tuple((f"x_{name}", f"y_{name}") for name in ("validation", "val")) + (("validation_x", "validation_y"),)}
"""By split, the names that images and labels may have in an .npz file."""


def npz_set(path: Path) -> Dataset:
    """The data set of an .npz file.

    Parameters
    ----------
    path
        With arrays x and y for either split, or x_train and so on; or by the names of a network's inputs and outputs.
    """
    names = _names(path)
    for x, y in (pair for pairs in PAIRS.values() for pair in pairs):
        if y in names and x not in names and names <= {name for pairs in PAIRS.values() for pair in pairs for name in pair}:
            raise InputError(f"{path}: holds {y} without {x}; images and labels come together")
    return Dataset(str(path), Encoder("delay", scale=1 / 255), partial(_read_npz, path, names), cache(partial(_read_named, path, names)))


def npy_set(path: Path) -> Dataset:
    """Images alone, from an .npy file; they serve as either split.

    Parameters
    ----------
    path
        The file.
    """
    def read(split: str) -> Split:
        try:
            x = np.load(path, allow_pickle=False)
        except (OSError, *DAMAGE) as error:
            raise InputError(f"{path}: cannot be read as an array ({error}); write it with numpy.save(path, images)") from error
        return _checked(path, ("the array", ""), x, None)

    return Dataset(str(path), Encoder("delay", scale=1 / 255), read)


def _names(path: Path) -> frozenset[str]:
    try:
        with ZipFile(path) as archive:
            return array_names(archive)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error}); check the path") from error
    except DAMAGE as error:
        raise InputError(f"{path}: is no .npz file, or damaged ({error}); write it with numpy.savez(path, x=images, y=labels)") from error


def _read_npz(path: Path, names: frozenset[str], split: str) -> Split:
    pair = next((pair for pair in PAIRS[split] if pair[0] in names), None)
    if pair is None:
        both = "" if split == "validation" else ", or x and y for both splits"
        raise InputError(
            f"{path}: holds no {split} split, only arrays {', '.join(sorted(names)) or '(none)'}; add x_{split} and y_{split}{both}"
        )
    return _checked(path, pair, _array(path, pair[0]), _array(path, pair[1]) if pair[1] in names else None)


def _read_named(path: Path, names: frozenset[str], split: str, ports: Ports) -> Split:
    """Arrays by the names of inputs and outputs, where x and y do not say it."""
    pair = next((pair for pair in PAIRS[split] if pair[0] in names), None)
    if len(ports.inputs) == len(ports.outputs) == 1 and pair is not None:
        return _read_npz(path, names, split)
    images = {port: _named(port, names, split) for port, _ in ports.inputs}
    if len(images) == 1 and pair is not None:
        images = dict.fromkeys(images, pair[0])
    missing = [port for port, name in images.items() if name is None]
    if missing:
        allowed = f"add an array {missing[0]}_{split}" + ("" if split == "validation" else f", or {missing[0]} for both splits")
        raise InputError(f"{path}: holds no {split} data for input {', '.join(missing)}, only arrays {', '.join(sorted(names))}; {allowed}")
    x = {port: _checked(path, (name, ""), _array(path, name), None).x for port, name in images.items() if name is not None}
    if len({len(values) for values in x.values()}) > 1:
        found = ", ".join(f"{len(values)} of {port}" for port, values in x.items())
        raise InputError(f"{path}: holds {found}; give each input as many samples")
    right = {port: _named(port, names, split) for port in ports.outputs}
    if len(right) == 1 and not any(right.values()):
        right = dict.fromkeys(right, next((label for _, label in PAIRS[split] if label in names), None))
    samples = len(next(iter(x.values())))
    y = {port: targets(_array(path, name), samples, f"{path}: {name}") for port, name in right.items() if name is not None}
    return Split(x, y or None)


def _named(port: str, names: frozenset[str], split: str) -> str | None:
    """The array of an input or output, with the split in its name or, for both splits, without."""
    shared = () if split == "validation" else (port,)
    return next((name for name in (f"{port}_{split}", f"{split}_{port}", *shared) if name in names), None)


def _array(path: Path, name: str) -> NDArray[Any]:
    try:
        with ZipFile(path) as archive:
            # What is unpacked and the array made of it; a member never unpacks to more than it declares.
            afford(2 * archive.getinfo(f"{name}.npy").file_size, f"{path}: array {name}", "store fewer samples, or as uint8")
            return unpacked(archive, name)
    except (OSError, *DAMAGE) as error:
        raise InputError(f"{path}: array {name} cannot be read ({error}); it must be plain numbers, no objects, and whole") from error


def _checked(path: Path, pair: tuple[str, str], x: NDArray[Any], y: NDArray[Any] | None) -> Split:
    if x.ndim < 2 or x.size == 0 or not (np.issubdtype(x.dtype, np.integer) or np.issubdtype(x.dtype, np.floating)):
        raise InputError(f"{path}: {pair[0]} is {x.dtype} of shape {x.shape}; expected numbers of shape (samples, height, width, channels)")
    if not np.all(np.isfinite(x)):
        raise InputError(f"{path}: {pair[0]} holds NaN or infinity; replace them first")
    return Split(x, None if y is None else targets(y, len(x), f"{path}: {pair[1]}"))
