"""Seeds, provenance, the overwrite guard, writing whole or not at all, progress and tables."""

from __future__ import annotations

import hashlib
import io
import json
import os
import platform
import random
import sys
import time
from pathlib import Path
from threading import Timer
from typing import Any

import numpy as np
import pytest

from tfsnn.errors import FileError, InputError
from tfsnn.stage import output, provenance, terminal


def listing(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def test_set_seed_repeats() -> None:
    drawn = []
    for seed in (3, 3, 4):
        provenance.set_seed(seed)
        drawn.append((random.random(), np.random.rand()))
    assert drawn[0] == drawn[1] != drawn[2]


def test_set_seed_reaches_keras() -> None:
    import keras

    drawn = []
    for seed in (3, 3, 4):
        provenance.set_seed(seed, tensorflow=True)
        drawn.append((float(keras.random.uniform(())), random.random()))
    assert drawn[0] == drawn[1] != drawn[2]


@pytest.mark.parametrize("seed", [-1, 1 << 32])
def test_set_seed_refuses(seed: int) -> None:
    with pytest.raises(InputError, match=f"seed {seed}: NumPy takes whole numbers from 0 to 4294967295"):
        provenance.set_seed(seed)


def test_sha256(tmp_path: Path) -> None:
    content = bytes(range(256)) * 5000
    (tmp_path / "data").write_bytes(content)
    assert provenance.sha256(tmp_path / "data") == hashlib.sha256(content).hexdigest()
    with pytest.raises(FileError, match=r"missing: cannot be read \(no such file or directory\); check the path"):
        provenance.sha256(tmp_path / "missing")


def test_digest_of_arrays() -> None:
    x, y = np.arange(6, dtype=np.int16).reshape(2, 3), np.arange(2)
    found = provenance.digest(x, y)
    assert found == provenance.digest(np.asfortranarray(x), y.astype(">i8")) == provenance.digest(x[:, ::1], y)
    others = [(y, x), (x,), (x.reshape(3, 2), y), (x.astype(np.int32), y), (x + 1, y)]
    assert len({found, *(provenance.digest(*arrays) for arrays in others)}) == 1 + len(others)
    assert provenance.digest(x[:0]) != provenance.digest(x[:0].astype(float))


def test_provenance_is_the_same_at_every_run(tmp_path: Path) -> None:
    (tmp_path / "model.h5").write_bytes(b"weights")
    first, second = (provenance.provenance("convert", 7, {"model.h5": tmp_path / "model.h5"}) for _ in range(2))
    assert first == second
    assert first["command"] == "convert" and first["seed"] == 7
    assert first["inputs"] == {"model.h5": hashlib.sha256(b"weights").hexdigest()}
    assert first["versions"]["python"] == platform.python_version()
    assert first["versions"]["tfsnn"] and first["versions"]["numpy"] == np.__version__


def test_provenance_of_software_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provenance, "SOFTWARE", ("no-such-package",))
    assert provenance.provenance("train", None, {})["versions"]["no-such-package"] is None


def test_nothing_names_the_machine(tmp_path: Path) -> None:
    (tmp_path / "model.h5").write_bytes(b"")
    text = json.dumps([provenance.provenance("convert", 0, {"model.h5": tmp_path / "model.h5"}), provenance.circumstances()])
    assert platform.node() not in text and str(tmp_path) not in text and str(Path.cwd()) not in text
    assert provenance.circumstances()["host"]["cpus"] == os.cpu_count()


def test_guard_lets_pass(tmp_path: Path) -> None:
    (tmp_path / "there").write_text("")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").write_text("")
    (tmp_path / "empty").mkdir()
    assert output.guard(tmp_path / "new" / "net.h5") == tmp_path / "new" / "net.h5"
    assert output.guard(str(tmp_path / "there"), True) == tmp_path / "there"
    assert output.guard(tmp_path / "empty", directory=True) == tmp_path / "empty"
    assert output.guard(tmp_path / "full", True, directory=True) == tmp_path / "full"
    assert listing(tmp_path) == ["empty", "full", "full/x", "there"]


def test_guard_refuses(tmp_path: Path) -> None:
    (tmp_path / "there").write_text("")
    with pytest.raises(InputError, match="there: exists already; choose another name, or overwrite with --force"):
        output.guard(tmp_path / "there")
    with pytest.raises(InputError, match="is not empty already; choose another name, or overwrite with --force"):
        output.guard(tmp_path, directory=True)
    with pytest.raises(InputError, match="exists and is no plain file; name a plain file"):
        output.guard(tmp_path, True)
    with pytest.raises(InputError, match="there: exists and is no directory; name a directory"):
        output.guard(tmp_path / "there", True, directory=True)
    with pytest.raises(InputError, match="nothing can be written in .*there; choose another place"):
        output.guard(tmp_path / "there" / "net.h5")


def test_replacing_a_file(tmp_path: Path) -> None:
    target = tmp_path / "new" / "net.snn.h5"
    for content in ("first", "second"):
        with output.replacing(target) as place:
            assert place.name == "net.snn.h5" and not place.exists()
            place.write_text(content)
            assert not target.exists() or target.read_text() == "first"
        assert target.read_text() == content
    assert listing(tmp_path) == ["new", "new/net.snn.h5"]


@pytest.mark.parametrize("directory", [False, True])
@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_replacing_leaves_nothing_after_an_error(tmp_path: Path, directory: bool, error: type[BaseException]) -> None:
    with pytest.raises(error, match="stop"):
        with output.replacing(tmp_path / "a" / "b", directory=directory) as place:
            (place / "half" if directory else place).write_text("half")
            raise error("stop")
    assert listing(tmp_path) == []


def test_replacing_keeps_the_old_file_after_an_error(tmp_path: Path) -> None:
    (tmp_path / "net").write_text("old")
    with pytest.raises(ValueError, match="stop"):
        with output.replacing(tmp_path / "net") as place:
            place.write_text("new")
            raise ValueError("stop")
    assert listing(tmp_path) == ["net"] and (tmp_path / "net").read_text() == "old"


def test_replacing_a_directory_moves_files_in(tmp_path: Path) -> None:
    target = tmp_path / "report"
    (target / "plots").mkdir(parents=True)
    (target / "mine.txt").write_text("mine")
    (target / "report.json").write_text("old")
    with output.replacing(target, directory=True) as place:
        (place / "plots").mkdir()
        (place / "plots" / "curve.png").write_text("curve")
        (place / "report.json").write_text("new")
    assert listing(target) == ["mine.txt", "plots", "plots/curve.png", "report.json"]
    assert listing(tmp_path)[0] == "report"
    assert (target / "report.json").read_text() == "new"


def test_replacing_the_directory_we_stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with output.replacing(".", directory=True) as place:
        (place / "x").write_text("x")
    assert listing(tmp_path) == ["x"]


def test_replacing_says_what_the_system_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    with pytest.raises(FileError, match=r"net: cannot be written \(not a directory\); choose another place"):
        with output.replacing(tmp_path / "file" / "net") as place:
            place.write_text("")
    with pytest.raises(FileError, match=r"folder: cannot be written \(.*\); choose another place"):
        with output.replacing(tmp_path / "folder") as place:
            place.write_text("")
    assert listing(tmp_path) == ["file", "folder"]


def test_write_json(tmp_path: Path) -> None:
    content = {"b": np.float32(0.5), "a": np.arange(3), "c": [np.int64(1), True, None, "ä"]}
    output.write_json(tmp_path / "x.json", content)
    text = (tmp_path / "x.json").read_text(encoding="utf-8")
    assert json.loads(text) == {"b": 0.5, "a": [0, 1, 2], "c": [1, True, None, "ä"]}
    assert text.index('"b"') < text.index('"a"') and text.endswith("}\n") and "ä" in text


@pytest.mark.parametrize("value", [float("nan"), np.float32("inf"), np.array([1.0, np.nan])])
def test_write_json_refuses_nan(tmp_path: Path, value: object) -> None:
    with pytest.raises(InputError, match="x.json: JSON carries no NaN and no infinity"):
        output.write_json(tmp_path / "x.json", {"loss": value})
    assert listing(tmp_path) == []


def test_write_json_refuses_objects(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="set has no place in JSON; pass plain values"):
        output.write_json(tmp_path / "x.json", {"names": {1}})


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("kind", "setting", "shown"), [(Terminal, "1", 1), (Terminal, "0", 0), (io.StringIO, "1", 0)])
def test_progress(monkeypatch: pytest.MonkeyPatch, kind: type[io.StringIO], setting: str, shown: int) -> None:
    stream = kind()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TFSNN_PROGRESS", setting)
    assert list(terminal.progress(iter(range(3)), "simulating", total=3)) == [0, 1, 2]
    assert ("simulating" in stream.getvalue()) == shown


def test_long_work_is_seen_in_a_log_too(monkeypatch: pytest.MonkeyPatch) -> None:
    log = io.StringIO()
    monkeypatch.setattr(sys, "stderr", log)
    monkeypatch.setenv("TFSNN_PROGRESS", "1")
    monkeypatch.setattr(terminal, "MINUTE", 0.02)
    for _ in terminal.progress(range(5), "training"):
        time.sleep(0.03)
    assert "training" in log.getvalue()


def test_counting(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TFSNN_PROGRESS", "1")
    with terminal.counting("simulating", 4) as count:
        count(1)
        count(3)
    assert "4/4" in stream.getvalue()


def test_table() -> None:
    assert terminal.table(["name", "events"], [["conv", 12], ["a longer name", -3.5], ["none", None]]).splitlines() == [
        "name           events",
        "conv               12",
        "a longer name    -3.5",
        "none                -",
    ]
    assert terminal.table(["a", "b"], []) == "a  b"


@pytest.mark.parametrize("width", [40, 80])
def test_on_a_terminal_nothing_is_wider_than_that(monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setattr(sys, "stdout", Terminal())
    rows: list[list[object]] = [["a_layer_whose_name_never_ends_" * 3, "[red]98.9 %", 12], ["b", "\x1b[2J", None]]
    drawn = terminal.table(["layer", "accuracy", "events"], rows)
    assert max(map(len, drawn.splitlines())) <= width and "\x1b" not in drawn
    assert "[red]98.9 %" in drawn and "layer" in drawn.splitlines()[0] and "12" in drawn
    assert max(map(len, terminal.paragraph("some words " * 40).splitlines())) <= width
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    assert width < max(map(len, terminal.paragraph("some words " * 40).splitlines())) <= 110


def test_a_note_stands_behind_the_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terminal, "MINUTE", -1)
    monkeypatch.setenv("TFSNN_PROGRESS", "1")
    for stream, line in ((Terminal(), "epoch 1/2 [b]"), (io.StringIO(), "train: 1/2, 0 s; epoch 1/2 [b]\n")):
        monkeypatch.setenv("COLUMNS", "120")
        monkeypatch.setattr(sys, "stderr", stream)
        bar = terminal.progress(range(2), "train")
        for _ in bar:
            bar.note("epoch 1/2 [b]")
        assert line in stream.getvalue() and "train" in stream.getvalue()


def test_slow_work_is_announced_on_a_terminal_or_none(monkeypatch: pytest.MonkeyPatch) -> None:
    class Pipe:
        text = ""

        def write(self, text: str) -> None:
            self.text += text

        def flush(self) -> None:
            pass

    class Impatient(Timer):
        def __init__(self, seconds: float, say: Any) -> None:
            super().__init__(0, say)

    screen = Pipe()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr(terminal, "Timer", Impatient)
    with terminal.announced_if_slow("compiling"):
        while not screen.text:
            pass
    assert screen.text == "compiling"
