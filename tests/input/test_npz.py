"""Arrays out of .npz files: plain ones, and none that claims more than its bytes hold."""

from __future__ import annotations

from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest

from tfsnn.errors import FileError
from tfsnn.input import npz


def test_names_and_members(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "a.npz", a=np.zeros(1 << 20, np.uint8), b=[1, 2])
    with ZipFile(tmp_path / "a.npz") as archive:
        assert npz.names(archive) == {"a", "b"}
        assert npz.member(archive, "b", "a.npz").tolist() == [1, 2] and npz.member(archive, "a", "a.npz").shape == (1 << 20,)


def test_sizes_that_are_not_believed(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "a.npz", a=[1])
    with ZipFile(tmp_path / "a.npz") as archive:
        archive.getinfo("a.npy").file_size = 1 << 40
        with pytest.raises(FileError, match="a.npz: array a: found 1099511627776 bytes packed into"):
            npz.member(archive, "a", "a.npz")
