"""The command: help without TensorFlow, one clean line for an error, exit codes, the demo's command lines."""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import pytest

from tfsnn import __main__ as command
from tfsnn.errors import ConversionError, InputError

Run = Callable[[argparse.Namespace], int]
Install = Callable[[Run], None]
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Install:
    """Put a command "fake FILE [--level N]" in place of all others; the given function runs it."""

    def install(run: Run) -> None:
        def add_arguments(parser: argparse.ArgumentParser) -> None:
            parser.add_argument("file")
            parser.add_argument("--level", type=int, default=1)

        monkeypatch.setitem(sys.modules, "fake_command", SimpleNamespace(add_arguments=add_arguments, run=run))
        monkeypatch.setattr(command, "COMMANDS", {"fake": command.Command("fake_command", "a command for tests")})

    return install


def raising(error: BaseException) -> Run:
    def run(args: argparse.Namespace) -> int:
        raise error

    return run


def test_help_names_every_command(capsys: Capture) -> None:
    assert command.main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert command.main([]) == 0
    assert capsys.readouterr().out == shown
    for name, entry in command.COMMANDS.items():
        assert name in shown and " ".join(entry.help.split()[:3]) in shown


def test_version(capsys: Capture) -> None:
    assert command.main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("tfsnn 0.")


def test_run_hands_over_and_returns(fake: Install) -> None:
    fake(lambda args: args.level + len(args.file))
    assert command.main(["fake", "abc", "--level", "4"]) == 7
    assert command.main(["--debug", "fake", "abc"]) == 4


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["nonsense"], "nonsense: no such command; there are fake"),
        (["fame"], "fame: no such command, did you mean fake?; there are fake"),
        (["fake"], "the following arguments are required: file; see tfsnn fake --help"),
        (["fake", "x", "--level", "high"], "argument --level: invalid int value: 'high'; see tfsnn fake --help"),
        (["fake", "x", "y"], "unrecognized arguments: y; see tfsnn --help"),
        (["fake", "x", "--fast"], "--fast: no such option; see tfsnn fake --help"),
        (["fake", "--fast"], "--fast: no such option; see tfsnn fake --help"),
        (["fake", "x", "--leve", "1"], "--leve: no such option, did you mean --level?; see tfsnn fake --help"),
        (["fake", "x", "--levels=1"], "--levels: no such option, did you mean --level?; see tfsnn fake --help"),
        (["fake", "x", "--evel", "1"], "--evel: no such option, did you mean --level?; see tfsnn fake --help"),
        (["fake", "x", "-l", "1"], "-l: no such option; see tfsnn fake --help"),
        (["--levl", "fake", "x"], "--levl: no such option, did you mean --level?; see tfsnn fake --help"),
    ],
)
def test_wrong_arguments(fake: Install, capsys: Capture, argv: list[str], message: str) -> None:
    fake(lambda args: 0)
    assert command.main(argv) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith(f"error: {message}") and err.count("\n") == 1


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (InputError("scale is 0; it must be positive"), 2, "error: scale is 0; it must be positive\n"),
        (ConversionError(["layer a: no", "layer b: no"]), 2, "error: layer a: no\n  layer b: no\n"),
        (OSError(28, "No space left on device", "net.h5"), 2, "error: net.h5: No space left on device\n"),
        (OSError("connection lost"), 2, "error: connection lost\n"),
        (KeyboardInterrupt(), 130, "interrupted\n"),
    ],
)
def test_expected_errors(fake: Install, capsys: Capture, error: BaseException, code: int, text: str) -> None:
    fake(raising(error))
    assert command.main(["fake", "x"]) == code
    assert capsys.readouterr() == ("", text)


def test_defects_are_not_hidden(fake: Install) -> None:
    fake(raising(KeyError("ours")))
    with pytest.raises(KeyError, match="ours"):
        command.main(["fake", "x"])


@pytest.mark.parametrize("line", ["--debug fake x", "fake x --debug", "TFSNN_DEBUG=1 fake x"])
def test_debug_shows_the_traceback(fake: Install, capsys: Capture, monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    fake(raising(InputError("scale is 0")))
    monkeypatch.setenv("TFSNN_DEBUG", "1" if "=1" in line else "0")
    assert command.main(line.removeprefix("TFSNN_DEBUG=1 ").split()) == 2
    err = capsys.readouterr().err
    assert err.startswith("Traceback") and ", in run\n" in err and err.endswith("error: scale is 0\n")


def test_words_that_only_look_like_options(fake: Install) -> None:
    fake(lambda args: len(args.file))
    assert command.main(["fake", "--", "--fast"]) == 6
    assert command.main(["fake", "-x + 1"]) == 6


def test_exit_of_a_library_is_passed_on(fake: Install) -> None:
    fake(raising(SystemExit(3)))
    assert command.main(["fake", "x"]) == 3
    fake(raising(SystemExit("no reason")))
    assert command.main(["fake", "x"]) == 1


def test_a_reader_that_leaves_is_no_error() -> None:
    words = [sys.executable, "-m", "tfsnn", "--help"]
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=buffered)
    assert process.stdout and process.stderr
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait() == 141


@pytest.mark.parametrize("level", [None, "0"])
def test_tensorflow_is_hushed_unless_asked(level: str | None) -> None:
    code = "from tfsnn.__main__ import main; main(['--version']); import tensorflow as tf; tf.zeros(3) + tf.ones(3)"
    environment = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    environment |= {} if level is None else {"TF_CPP_MIN_LOG_LEVEL": level}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert (done.stderr == "") is (level is None)


HEAVY = ("tensorflow", "keras", "tensorflow_datasets", "sklearn", "matplotlib", "numba")


@pytest.mark.parametrize("argv", [None, ["--help"], *([name, "--help"] for name in command.COMMANDS)], ids=str)
def test_help_imports_nothing_heavy(argv: list[str] | None) -> None:
    run = "" if argv is None else f"from tfsnn.__main__ import main; main({argv!r})"
    code = f"import sys, tfsnn; {run}\nprint(sorted(set(sys.modules) & set({HEAVY!r})), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n"
    assert argv is None or done.stdout.startswith("usage: tfsnn")


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The command lines that the demo hands on, in place of running them; "inspect" fails with 1 on net "bad"."""
    lines: list[list[str]] = []
    dispatch = command._dispatch

    def record(argv: list[str]) -> int:
        if argv[0] == "demo":
            return dispatch(argv)
        lines.append(argv)
        return int(argv[0] == "inspect" and "bad" in argv[1])

    monkeypatch.setattr(command, "_dispatch", record)
    return lines


def test_demo(recorded: list[list[str]], capsys: Capture, tmp_path: Path) -> None:
    assert command.run(argparse.Namespace(out=tmp_path / "demo", force=False)) == 0
    assert [line[0] for line in recorded] == ["train", "convert", "inspect", "evaluate"]
    assert not any("--force" in line for line in recorded)
    shown = capsys.readouterr().out
    assert "$ tfsnn train pilotnet_small --out" in shown and f"The report lies in {tmp_path / 'demo' / 'report'}" in shown


def test_demo_overwrites_when_told(recorded: list[list[str]], tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "old").write_text("")
    assert command.main(["demo", "--out", str(tmp_path)]) == 2
    assert "is not empty already; choose another name, or overwrite with --force" in capsys.readouterr().err
    assert recorded == []
    assert command.run(argparse.Namespace(out=tmp_path, force=True)) == 0
    assert [line[0] for line in recorded if "--force" in line] == ["train", "convert", "evaluate"]


def test_demo_stops_at_the_first_failure(recorded: list[list[str]], tmp_path: Path) -> None:
    assert command.run(argparse.Namespace(out=tmp_path / "bad", force=False)) == 1
    assert [line[0] for line in recorded] == ["train", "convert", "inspect"]


def test_demo_lines_are_valid(tmp_path: Path) -> None:
    parser, subparsers = command._parsers()
    for name, entry in command.COMMANDS.items():
        import_module(entry.module).add_arguments(subparsers[name])
    for line in command.demo_lines(tmp_path, force=True):
        assert parser.parse_args(line).command == line[0]


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_signals_clean_up(name: str, tmp_path: Path) -> None:
    """What is half made goes, the exit code is the signal's, and a second signal does not disturb the cleaning."""
    code = """
import os, signal, sys
from tfsnn import __main__ as command
from tfsnn.stage.output import replacing
def run(argv):
    with replacing(sys.argv[1]) as place:
        place.write_text("half")
        try:
            os.kill(os.getpid(), getattr(signal, sys.argv[2]))
        finally:
            os.kill(os.getpid(), signal.SIGTERM)
command._dispatch = run
sys.exit(command.main([]))
"""
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "net"), name], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (128 + getattr(signal, name), f"stopped by {name}\n")
    assert list(tmp_path.iterdir()) == []


def test_handlers_are_left_as_they_were() -> None:
    before = signal.getsignal(signal.SIGTERM)
    assert command.main(["--version"]) == 0
    assert signal.getsignal(signal.SIGTERM) == before


@pytest.mark.parametrize("closed", ["0<&-", "1>&-", "2>&-", "0<&- 1>&- 2>&-"])
def test_closed_streams_are_no_defect(closed: str) -> None:
    done = subprocess.run(f"{shlex.quote(sys.executable)} -m tfsnn --version {closed}", shell=True, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def test_any_text_can_be_shown_anywhere() -> None:
    """A terminal that knows ASCII alone, characters that are none, and control characters."""
    code = (
        "import sys; from tfsnn import __main__ as command; from tfsnn.errors import InputError\n"
        "def run(argv): print('gr\\u00fcn'); raise InputError('\\ud800 \\x1b[2J \\u202e a\\nerror: b')\n"
        "command._dispatch = run; sys.exit(command.main([]))"
    )
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, env=environment, check=False)
    assert (done.returncode, done.stdout) == (2, b"gr\\xfcn\n")
    assert done.stderr == b"error: \\ud800 \\x1b[2J \\u202e a\\nerror: b\n"
