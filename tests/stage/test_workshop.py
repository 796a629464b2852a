"""Workshops of the living stay, those of the dead go, and what the dead had moved aside comes back."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tfsnn.errors import FileError, InputError
from tfsnn.stage import workshop as w
from tfsnn.stage.output import guard, replacing

DIES = """
import os, sys
from pathlib import Path
from tfsnn.stage import workshop as w
from tfsnn.stage.output import replacing
moved, left = os.replace, int(sys.argv[2])
def replace(source, target):
    global left
    if left == 0:
        os.kill(os.getpid(), 9)
    left -= 1
    moved(source, target)
os.replace = replace
with replacing(sys.argv[1], directory=True) as place:
    for name in ("report.json", "plots/a.png", "b.png"):
        (place / name).parent.mkdir(exist_ok=True)
        (place / name).write_text("new")
"""


def listing(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}


def killed(target: Path, moves: int) -> None:
    """A run that is killed after so many moves of the end."""
    done = subprocess.run([sys.executable, "-c", DIES, str(target), str(moves)], check=False)
    assert done.returncode == -9


@pytest.mark.parametrize("moves", range(5))
def test_a_kill_while_files_are_moved_loses_nothing(tmp_path: Path, moves: int) -> None:
    """Before the next run a directory without its summary; after it, what was there before."""
    target, old = tmp_path / "report", {"report.json": "old", "b.png": "old", "mine": "mine"}
    target.mkdir()
    for name, text in old.items():
        (target / name).write_text(text)
    killed(target, moves)
    # A summary is there only beside all that belongs to it: before anything was moved.
    assert ("report.json" in listing(target)) == (moves == 0)
    guard(target, True, directory=True)
    assert listing(tmp_path) == {f"report/{name}": text for name, text in old.items()}


def test_a_kill_before_a_new_directory_is_there(tmp_path: Path) -> None:
    killed(tmp_path / "report", 0)
    assert [path.name[:7] for path in tmp_path.iterdir()] == [w.PREFIX]
    assert guard(tmp_path / "report", directory=True) == tmp_path / "report"
    assert list(tmp_path.iterdir()) == []


def test_workshops_of_the_living_stay(tmp_path: Path) -> None:
    with replacing(tmp_path / "net") as place:
        place.write_text("half")
        w.sweep(tmp_path)
        with replacing(tmp_path / "other") as second:
            second.write_text("whole")
        assert place.read_text() == "half"
        # Our own unfinished work does not make a place occupied.
        assert guard(tmp_path / "net") == tmp_path / "net"
    assert listing(tmp_path) == {"net": "half", "other": "whole"}


def test_what_is_none_of_ours_stays(tmp_path: Path) -> None:
    (tmp_path / ".tfsnn-file").write_text("")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / ".tfsnn-link").symlink_to(tmp_path / "elsewhere")
    w.sweep(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".tfsnn-file", ".tfsnn-link", "elsewhere"]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"target": 1, "files": []}', '{"target": "x", "files": 3}'])
def test_a_list_of_moves_that_is_none_moves_nothing(tmp_path: Path, text: str) -> None:
    place = tmp_path / f"{w.PREFIX}dead"
    place.mkdir()
    (place / w.MOVES).write_text(text)
    w.sweep(tmp_path)
    assert list(tmp_path.iterdir()) == []


def filled(path: Path) -> None:
    path.mkdir()
    (path / "x").write_text("old")


@pytest.mark.parametrize("start", [lambda path: None, lambda path: path.mkdir(), filled])
def test_an_error_while_files_are_moved_changes_nothing(
    tmp_path: Path, start: Callable[[Path], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    start(tmp_path / "out")
    before, moved, left = listing(tmp_path), os.replace, [2]

    def replace(source: object, target: object) -> None:
        left[0] -= 1
        if left[0] == 0 or not (tmp_path / "out").exists():
            raise OSError(28, "No space left on device")
        moved(source, target)  # type: ignore[arg-type]

    with pytest.raises(FileError, match=r"out: cannot be written \(no space left on device\)"):
        with replacing(tmp_path / "out", directory=True) as place:
            for name in ("x", "y"):
                (place / name).write_text("new")
            monkeypatch.setattr(os, "replace", replace)
    assert listing(tmp_path) == before


def test_a_directory_where_a_file_will_be_is_said_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "out" / "report.json").mkdir(parents=True)
    with pytest.raises(InputError, match=r"report\.json: is a directory where a file will be written; remove it"):
        guard(tmp_path / "out", True, directory=True, names=("report.json",))
    with pytest.raises(FileError, match=r"out: cannot be written \(report\.json is a directory\)"):
        with replacing(tmp_path / "out", directory=True) as place:
            (place / "a.png").write_text("new")
            (place / "report.json").write_text("new")
    assert listing(tmp_path) == {}


@pytest.mark.parametrize("directory", [False, True])
def test_two_runs_at_once_do_not_replace_each_other(tmp_path: Path, directory: bool) -> None:
    def write(place: Path, text: str) -> None:
        (place / "report.json" if directory else place).write_text(text)

    with pytest.raises(FileError, match="out: another run has written it meanwhile; choose another name, or overwrite with --force"):
        with replacing(tmp_path / "out", directory=directory, fresh=True) as place:
            write(place, "second")
            with replacing(tmp_path / "out", directory=directory, fresh=True) as first:
                write(first, "first")
    assert list(listing(tmp_path).values()) == ["first"]


@pytest.mark.parametrize(
    "error",
    [OSError(28, "No space left"), OSError(27, "File too large"), RuntimeError("Unable to close (errno = 28, error message = 'x')")],
)
def test_a_full_disk_is_one_line_that_names_the_file(tmp_path: Path, error: Exception) -> None:
    (tmp_path / "net").write_text("old")
    message = r"net: cannot be written \((no space left on device|file too large); nothing was changed\); make room, raise the limit"
    with pytest.raises(FileError, match=message):
        with replacing(tmp_path / "net"):
            raise error
    assert listing(tmp_path) == {"net": "old"}


def test_a_full_disk_names_what_the_user_knows(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=f"^{tmp_path / 'net'}: cannot be written"):
        with replacing(tmp_path / "net") as place, replacing(place):
            raise OSError(28, "No space left on device")
    assert listing(tmp_path) == {}


def test_other_errors_pass(tmp_path: Path) -> None:
    for error in (OSError(2, "No such file"), RuntimeError("a defect")):
        with pytest.raises(type(error), match="No such file|a defect"):
            with replacing(tmp_path / "net"):
                raise error
