"""Our reader against h5py on everything that both read, and one clear error for everything that must not be read."""

from __future__ import annotations

import io
import re
import time
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.data_folder import folder
from tfsnn.errors import FileError
from tfsnn.hdf5.reader import (
    H5Node,
    attribute,
    attributes,
    child,
    children,
    dataset,
    has,
    is_dataset,
    opened,
    text,
    texts,
)

Make = Callable[[h5py.File], Any]


def made(make: Make, **options: Any) -> io.BytesIO:
    """An HDF5 file in memory."""
    stream = io.BytesIO()
    with h5py.File(stream, "w", **options) as file:
        make(file)
    return stream


def assert_same(theirs: h5py.Group | h5py.Dataset, ours: H5Node) -> int:
    """Compare everything below two nodes; return how many datasets that was."""
    assert set(theirs.attrs) == set(attributes(ours))
    for name, value in theirs.attrs.items():
        if isinstance(value, (str, bytes)):
            assert text(ours, name) == (value.decode() if isinstance(value, bytes) else value)
        elif isinstance(value, np.ndarray) and value.dtype.kind in "SO":
            assert texts(ours, name) == tuple(v.decode() if isinstance(v, bytes) else v for v in value.ravel())
        else:
            np.testing.assert_array_equal(attribute(ours, name), value)
    assert is_dataset(ours) == isinstance(theirs, h5py.Dataset)
    if isinstance(theirs, h5py.Dataset):
        found, wanted = dataset(ours, ""), theirs[()]
        assert found.dtype == np.asarray(wanted).dtype.newbyteorder("=") or wanted.dtype == bool
        np.testing.assert_array_equal(found, wanted)
        return 1
    assert children(ours) == tuple(sorted(theirs))
    return sum(assert_same(theirs[name], child(ours, name)) for name in theirs)


def compared(stream: Any) -> int:
    with h5py.File(stream, "r") as theirs, opened(stream) as ours:
        return assert_same(theirs, ours)


@st.composite
def arrays(draw: st.DrawFn) -> tuple[np.ndarray[Any, Any], dict[str, Any]]:
    """An array and a way to store it."""
    shape = tuple(draw(st.lists(st.integers(0, 9), max_size=4)))
    kind = draw(st.sampled_from("f2 <f4 >f4 f8 i1 >i2 i4 u1 u2 i8 ?".split()))
    values = np.random.default_rng(draw(st.integers(0, 99))).integers(0, 100, shape).astype(kind)
    options: dict[str, Any] = {}
    if shape and all(shape) and draw(st.booleans()):
        options["chunks"] = tuple(draw(st.integers(1, axis)) for axis in shape)
        options["compression"] = draw(st.sampled_from([None, "gzip"]))
        options["shuffle"] = draw(st.booleans())
        options["fletcher32"] = draw(st.booleans())
    return values, options


NAMES = st.text("abc/é", min_size=1, max_size=4).filter(lambda name: bool(name.strip("/")) and "//" not in name)


@given(
    st.dictionaries(NAMES, arrays(), max_size=12),
    st.dictionaries(st.text("xyz é", min_size=1, max_size=9), st.text("ab é\n", max_size=40), max_size=12),
    st.booleans(),
)
def test_equals_h5py(datasets: dict[str, Any], notes: dict[str, str], ordered: bool) -> None:
    def make(file: h5py.File) -> None:
        group = file.create_group("group", track_order=ordered)
        group.attrs.update(notes)
        for place, (values, options) in enumerate(datasets.values()):
            group.create_dataset(f"{place}/{list(datasets)[place].strip('/')}", data=values, **options)

    assert compared(made(make)) == len(datasets)


@pytest.mark.parametrize("options", [{}, {"libver": "latest"}, {"libver": "v108"}, {"track_order": True}], ids=str)
def test_large_groups(options: dict[str, Any]) -> None:
    def make(file: h5py.File) -> None:
        for place in range(600):
            file[f"dataset {place}"] = np.float32(place)
            file.attrs[f"attribute {place}"] = "text " * (place % 7)
        file["deep/er/and/deeper"] = np.arange(3)
        file.attrs["names"] = ["one", "zwei", "três"]
        file.attrs["fixed"] = np.array([b"ab", b"cdef"])
        file.attrs["none"] = []
        file.attrs["numbers"] = np.arange(6.0).reshape(2, 3)

    assert compared(made(make, **options)) == 601


def test_real_files() -> None:
    count = 0
    for path in sorted(folder("keras_models").iterdir()):
        if path.suffix == ".keras":
            compared(io.BytesIO(zipfile.ZipFile(path).read("model.weights.h5")))
        else:
            compared(path)
        count += 1
    assert count >= 12


def test_text_may_be_a_dataset() -> None:
    def make(file: h5py.File) -> None:
        file["graph"] = "{}" * 50_000
        file["fixed"] = np.bytes_("abc")
        file["two"] = ["a", "b"]

    with opened(made(make)) as root:
        assert text(root, "graph") == "{}" * 50_000 and text(root, "fixed") == "abc"
        assert has(root, "graph") and not has(root, "graph/x") and not has(root, "x")
        with pytest.raises(FileError, match=r"/two: found text of shape \(2,\), expected one text"):
            text(root, "two")


def test_what_was_asked_for() -> None:
    def make(file: h5py.File) -> None:
        file["a/b"] = np.array([[1, np.nan, np.inf]], np.float32)
        file["t"] = "text"
        file.attrs["t"] = "text"
        file.attrs["n"] = 3

    with opened(made(make), "net.h5") as root:
        assert dataset(root, "a/b", dtype="float32", shape=(1, 3)).shape == (1, 3)
        with pytest.raises(FileError, match=r"net.h5: /a/b: found 2 values NaN or infinite, expected finite numbers; "):
            dataset(root, "a/b", finite=True)
        with pytest.raises(FileError, match=r"/a/b: found type float32, expected type int8; "):
            dataset(root, "a/b", dtype="int8")
        with pytest.raises(FileError, match=r"/a/b: found shape \(1, 3\), expected shape \(3, 1\); "):
            dataset(root, "a/b", shape=(3, 1))
        with pytest.raises(FileError, match=r"/a/c: found no such object \(there is b\), expected an object"):
            dataset(root, "a/c")
        with pytest.raises(FileError, match=r"/t: found text, expected numbers"):
            dataset(root, "t")
        with pytest.raises(FileError, match=r"attribute 't': found text, expected numbers"):
            attribute(root, "t")
        with pytest.raises(FileError, match=r"attribute 'n': found numbers \(int64\), expected text"):
            text(root, "n")
        with pytest.raises(FileError, match=r"attribute 'x': found no such attribute \(there is n, t\), expected"):
            texts(root, "x")
        with pytest.raises(FileError, match=r"found a path of 200 names, expected at most 100"):
            child(root, "/".join("a" * 200))


def external(file: h5py.File) -> None:
    file.create_dataset("d", (4,), "f4", external=[("outside.bin", 0, 16)])


def virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout((4,), "f4")
    layout[:] = h5py.VirtualSource("outside.h5", "d", (4,))
    file.create_virtual_dataset("d", layout)


def link(value: Any) -> Make:
    return lambda file: file.__setitem__("d", value)


def stored(*arguments: Any, **options: Any) -> Make:
    return lambda file: file.create_dataset("d", *arguments, **options)


def committed(file: h5py.File) -> None:
    file["type"] = np.dtype("f4")
    file.create_dataset("d", (4,), file["type"])


def in_part(file: h5py.File) -> None:
    file.create_dataset("d", (64, 64), "f4", chunks=(8, 8))[:8, :8] = 1


def huge_in_part(file: h5py.File) -> None:
    file.create_dataset("d", (1 << 40,), "f4", chunks=(64,))[:8] = 1


HOSTILE: dict[str, tuple[Make, str]] = {
    "soft link": (link(h5py.SoftLink("/elsewhere")), "found a soft or external link, expected an object of its own"),
    "external link": (link(h5py.ExternalLink("other.h5", "/")), "found a soft or external link"),
    "external data": (external, "found data kept in other files"),
    "virtual": (virtual, r"found a virtual dataset \(its data are in other files\)"),
    "committed type": (committed, "found a message kept elsewhere"),
    "variable length": (stored((3,), h5py.vlen_dtype(np.float32)), "found variable-length of 16 bytes"),
    "compound": (stored((3,), np.dtype([("a", "f4"), ("b", "i4")])), "found compound of 8 bytes"),
    "reference": (stored((3,), h5py.ref_dtype), "found reference of 8 bytes"),
    "huge": (stored((1 << 40,), "f4"), r"found shape \(1099511627776,\) and no data, expected data that were written"),
    "beyond counting": (stored((1 << 30, 1 << 30), "f4", chunks=(1, 1)), "expected at most 281474976710656 elements"),
    "never written": (stored((64, 64), "f4", chunks=(8, 8)), "and no data"),
    "written in part": (in_part, "found 1 chunks of 256 bytes in all, expected 64 chunks for shape"),
    "huge in part": (huge_in_part, "expected what a file of .* bytes can hold"),
    "bomb": (stored(data=np.zeros(1 << 24, "u1"), chunks=(1 << 22,), compression="gzip"), "expected what a file of"),
    "other filter": (stored(data=np.arange(64), chunks=(8,), compression="lzf"), r"found version \d, \[32000\]"),
    "a group": (lambda file: file.create_group("d"), "found no data type, expected a dataset"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_datasets(name: str) -> None:
    make, message = HOSTILE[name]
    start = time.perf_counter()
    with opened(made(make)) as root, pytest.raises(FileError, match=f"/d.*{message}"):
        dataset(root, "d")
    assert time.perf_counter() - start < 5


def test_small_data_may_grow_a_lot() -> None:
    stream = made(stored(data=np.zeros(1 << 20, "u1"), chunks=(1 << 20,), compression="gzip"))
    with opened(stream) as root:
        assert dataset(root, "d").sum() == 0


@pytest.mark.parametrize("dtype", ["<f4", ">f8", "i1"])
def test_large_data_come_in_blocks(dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """However a dataset is cut, it is whole again, in an array that may be written to."""
    monkeypatch.setattr("tfsnn.hdf5.source._BLOCK", 100)
    values, stream = np.arange(357).reshape(51, 7).astype(dtype), io.BytesIO()
    with h5py.File(stream, "w") as file:
        file["x"] = values
    with opened(stream) as root:
        found = dataset(root, "x")
    np.testing.assert_array_equal(found, values)
    assert found.flags.writeable and found.dtype.isnative


def test_no_chunk_grows_beyond_its_size() -> None:
    """The dataset declares chunks of 1,000 bytes; what is stored would unpack to 30,000,000."""

    def make(file: h5py.File) -> None:
        data = file.create_dataset("d", (1000,), "u1", chunks=(1000,), compression="gzip")
        data.id.write_direct_chunk((0,), zlib.compress(bytes(30_000_000)))

    with opened(made(make)) as root, pytest.raises(FileError, match="found a chunk of 1004 bytes, expected 1000 bytes"):
        dataset(root, "d")


def test_one_dataset_under_many_names_is_a_bomb() -> None:
    def make(file: h5py.File) -> None:
        file["d"] = np.zeros(1 << 16)
        for place in range(50):
            file[f"{place}"] = file["d"]

    with opened(made(make)) as root, pytest.raises(FileError, match="found the same data under many names"):
        for name in children(root):
            dataset(root, name)


def test_one_text_under_many_names_is_a_bomb() -> None:
    stream = made(lambda file: file.attrs.update({"big": "x" * 1_000_000, "names": ["ab"] * 3000}))
    data = bytearray(stream.getvalue())
    place = data.index(b"x" * 1000) - 16
    heap = data.rindex(b"GCOL", 0, place)
    big = heap.to_bytes(8, "little") + data[place : place + 2] + b"\0\0"
    small = re.compile(re.escape((2).to_bytes(4, "little")) + b".{8}..\0\0", re.DOTALL)
    data = bytearray(small.sub(b"\x40\x42\x0f\0" + big.replace(b"\\", b"\\\\"), bytes(data)))
    with opened(io.BytesIO(data)) as root, pytest.raises(FileError, match="walked over and over"):
        texts(root, "names")


def test_a_group_may_hold_itself() -> None:
    def make(file: h5py.File) -> None:
        file["a/b"] = np.arange(3)
        file["a/a"] = file["a"]

    with opened(made(make)) as root:
        assert dataset(root, "a/a/a/a/b").sum() == 3


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "first bytes: found b''"),
        (b"hello world, this is no HDF5 file", r"first bytes: found b'hello wo', expected .*; give an HDF5 file"),
        (b"\x89HDF\r\n\x1a\n\x09", "superblock: found version 9"),
        (b"\x89HDF\r\n\x1a\n", "superblock|cut off|version"),
    ],
)
def test_no_hdf5(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "file.h5"
    path.write_bytes(content)
    with pytest.raises(FileError, match=message), opened(path):
        pass


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"absent.h5: cannot be opened \(No such.*\); give the path of an"):
        with opened(tmp_path / "absent.h5"):
            pass


def test_cut_off() -> None:
    whole = made(lambda file: file.create_dataset("d", data=np.arange(5000))).getvalue()
    for length in (8, 50, 96, 500, len(whole) // 2, len(whole) - 1):
        with pytest.raises(FileError, match="found .*, expected "), opened(io.BytesIO(whole[:length])) as root:
            dataset(root, "d")


@pytest.mark.parametrize("libver", ["earliest", "latest"])
def test_redirected_addresses(libver: str) -> None:
    """The files on which libhdf5 hangs and corrupts its memory: every address may point to every structure."""

    def make(file: h5py.File) -> None:
        group = file.create_group("g", track_order=libver == "latest")
        for place in range(20):
            chunks = (16,) if place % 2 and libver == "earliest" else None
            group.create_dataset(f"d{place}", data=np.arange(64.0), chunks=chunks)
            group.attrs[f"a{place}"] = "text" * place

    whole = made(make, libver=libver).getvalue()
    words = np.frombuffer(whole[: len(whole) // 8 * 8], "<u8")
    places = np.flatnonzero((words > 0) & (words < len(whole))) * 8
    marks = [match.start() for match in re.finditer(b"TREE|SNOD|HEAP|GCOL|OHDR|BTHD|BTLF|BTIN|FRHP|FHDB|FHIB", whole)]
    random = np.random.default_rng(0)
    outcomes = {"read": 0, "refused": 0}
    for _ in range(400):
        data = bytearray(whole)
        for place in random.choice(places, random.integers(1, 4)):
            value = int(random.choice([0, 2**63, *random.choice(marks, 3), *words[places // 8][:4]]))
            data[place : place + 8] = value.to_bytes(8, "little")
        start = time.perf_counter()
        try:
            with opened(io.BytesIO(data)) as root:
                group = child(root, "g")
                for name in attributes(group):
                    text(group, name)
                for name in children(group):
                    dataset(group, name)
            outcomes["read"] += 1
        except FileError as error:
            assert re.search("found .*, expected .*; ", str(error), re.DOTALL)
            outcomes["refused"] += 1
        assert time.perf_counter() - start < 5
    assert min(outcomes.values()) > 20
