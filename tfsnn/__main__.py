"""The ``tfsnn`` command: dispatches, nothing else.

A command is a module that offers ``add_arguments(parser)`` and ``run(args) -> int``. It is imported once it is chosen,
so that ``tfsnn --help`` answers at once. Exit codes: 0 done, 1 a check said no, 2 an error that a user can mend,
130 interrupted.
"""

from __future__ import annotations

import argparse
import io
import os
import re
import shlex
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from importlib import import_module, metadata
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import NamedTuple, NoReturn

from tfsnn.errors import InputError, TfsnnError, printable
from tfsnn.stage.output import guard

SUMMARY = "Keras in, asynchronous sigma-delta spiking network out, with every operation counted."


class Command(NamedTuple):
    """Where a command lies, and its line in ``tfsnn --help``."""

    module: str
    help: str


COMMANDS = {
    "train": Command("tfsnn.train.command", "data set -> model.h5: train on the frames that the simulator will see"),
    "convert": Command("tfsnn.convert.command", "model.h5 -> net.snn.h5: fold, quantize, calibrate, verify"),
    "check": Command("tfsnn.convert.check", "say of every layer of a Keras model whether it converts, and why not"),
    "inspect": Command("tfsnn.evaluate.inspect", "show what a net.snn.h5 holds"),
    "evaluate": Command("tfsnn.evaluate.command", "net.snn.h5 + data -> report: accuracy against operations"),
    "stream": Command("tfsnn.evaluate.live.command", "net.snn.h5 or a Keras model on a video or a camera: decisions, operations, speed"),
    "reproduce": Command("tfsnn.evaluate.reproduce.command", "the papers' tables and figures beside their own values"),
    "demo": Command("tfsnn.__main__", "all three stages on a generated drive; needs no download"),
}


class Stopped(BaseException):
    """A signal asks to end: what is on the way is cleaned up, as after Ctrl-C."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class _Parser(argparse.ArgumentParser):
    def check_options(self, words: Sequence[str]) -> None:
        """Name an option that there is not, and the nearest one that there is, before anything is said of what is missing."""
        for word in words:
            option = word.split("=")[0]
            if word == "--":
                return
            # A word with a space is a value to argparse, too.
            if re.match(r"--?[A-Za-z]", word) and " " not in word and option not in self._option_string_actions:
                raise InputError(f"{option}: no such option{_nearest(option, self._option_string_actions)}; see {self.prog} --help")

    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message}; see {self.prog} --help")


def demo_lines(out: Path, force: bool) -> list[list[str]]:
    """The command lines that the demo runs, in turn."""
    model, net, report = out / "train" / "model.h5", out / "net.snn.h5", out / "report"
    lines = [
        ["train", "pilotnet_small", "--out", str(model.parent)],
        ["convert", str(model), "--out", str(net), "--calibrate", "road_small"],
        ["inspect", str(net)],
        ["evaluate", str(net), "--data", "road_halts", "--quality", "0.995", "--out", str(report)],
    ]
    return [line + ["--force"] * (force and "--out" in line) for line in lines]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``tfsnn demo``."""
    help_out = "where everything goes (default: %(default)s)"
    parser.add_argument("--out", type=Path, default=Path("tfsnn-demo"), metavar="DIR", help=help_out)
    parser.add_argument("--force", action="store_true", help="overwrite what exists")


def run(args: argparse.Namespace) -> int:
    """``tfsnn demo``."""
    guard(args.out, args.force, directory=True)
    for line in demo_lines(args.out, args.force):
        print(f"\n$ tfsnn {shlex.join(line)}", flush=True)
        code = _dispatch(line)
        if code:
            return code
    print(f"\nThe report lies in {args.out / 'report'}")
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line; an expected error is one clean line and exit code 2."""
    argv = sys.argv[1:] if argv is None else list(argv)
    _hush_tensorflow()
    _open_streams()
    try:
        try:
            with _stopping_on_signals(), _plain_warnings():
                code = _dispatch(argv)
        except Stopped as stop:
            _explain(f"stopped by {signal.Signals(stop.number).name}", argv)
            return 128 + stop.number
        except SystemExit as done:  # --help and --version
            code = done.code if isinstance(done.code, int) else int(bool(done.code))
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        # Whoever read our output has seen enough; the interpreter must not try to flush it again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except TfsnnError as error:
        _explain(f"error: {error}", argv)
        return 2
    except OSError as error:
        # Full disks, lost connections, missing rights: not ours to prevent, and as plain to the user.
        _explain(f"error: {error.filename}: {error.strerror}" if error.filename else f"error: {error}", argv)
        return 2
    except KeyboardInterrupt:
        _explain("interrupted", argv)
        return 130


def _open_streams() -> None:
    """Streams that take any text, and are there: a terminal may know ASCII alone, and a caller may have closed them."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        stream = getattr(sys, name)
        if stream is None:
            # Also so that no file that is opened later gets the number of a standard stream.
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))
        elif isinstance(stream, io.TextIOWrapper) and mode == "w":
            stream.reconfigure(errors="backslashreplace")


@contextmanager
def _stopping_on_signals() -> Iterator[None]:
    """End by an exception on what ends a job (a shutdown, a closed terminal), so that nothing half made is left."""

    def stop(number: int, frame: object) -> None:
        for other in handled:
            signal.signal(other, signal.SIG_IGN)
        raise Stopped(number)

    names = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    # Whoever ignores a signal, as nohup does, means it; and handlers can be set in the main thread alone.
    main_thread = threading.current_thread() is threading.main_thread()
    handled = [number for number in names if main_thread and signal.getsignal(number) == signal.SIG_DFL]
    for number in handled:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number in handled:
            signal.signal(number, signal.SIG_DFL)


@contextmanager
def _plain_warnings() -> Iterator[None]:
    """A warning is one line, and comes once though its figures change from frame to frame."""
    shown, before = set(), warnings.formatwarning

    def plain(message: Warning | str, category: type[Warning], filename: str, lineno: int, line: str | None = None) -> str:
        if not issubclass(category, UserWarning):
            return before(message, category, filename, lineno, line)
        kind = re.sub(r"[-+.\d]+", "", str(message))
        if kind in shown:
            return ""
        shown.add(kind)
        return f"warning: {printable(str(message))}\n"

    warnings.formatwarning = plain
    try:
        yield
    finally:
        warnings.formatwarning = before


def _dispatch(argv: Sequence[str]) -> int:
    name = next((word for word in argv if not word.startswith("-")), "")
    parser, subparsers = _parsers()
    if name and name not in COMMANDS:
        raise InputError(f"{name}: no such command{_nearest(name, COMMANDS)}; there are {', '.join(COMMANDS)}")
    if name:
        module = import_module(COMMANDS[name].module)
        module.add_arguments(subparsers[name])
        subparsers[name].check_options([word for word in argv if word != name])
        # A command that needs another one, such as stream a conversion, runs it as a user would: stages talk through files. It may do
        # so in another process, which finds a function by the name of its module; that of ``python -m tfsnn`` is no name.
        subparsers[name].set_defaults(dispatch=import_module("tfsnn.__main__")._dispatch)
        args = parser.parse_args(argv)
        return int(module.run(args))
    parser.parse_args(argv)
    parser.print_help()
    return 0


def _nearest(word: str, known: Iterable[str]) -> str:
    # What is typed to its end is nearer than what merely looks alike: --calibrat, --output.
    begun = [name for name in known if name.startswith(word) or (len(name) > 3 and word.startswith(name))]
    near = begun or get_close_matches(word, known, n=1)
    return f", did you mean {near[0]}?" if near else ""


def _parsers() -> tuple[_Parser, dict[str, _Parser]]:
    # No abbreviations: one that works today means something else once another option begins with the same letters.
    parser = _Parser("tfsnn", description=SUMMARY, allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"tfsnn {metadata.version('tfsnn')}")
    parser.add_argument("--debug", action="store_true", help="show where an error comes from, as TFSNN_DEBUG=1 does")
    chosen = parser.add_subparsers(dest="command", metavar="COMMAND")
    subparsers = {}
    for name, command in COMMANDS.items():
        subparsers[name] = chosen.add_parser(name, help=command.help, description=command.help, allow_abbrev=False)
        subparsers[name].add_argument("--debug", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
    return parser, subparsers


class _HushedImport(MetaPathFinder):
    """Finds TensorFlow, and keeps what its libraries write while they are loaded from stderr."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        if name != "tensorflow":
            return None
        sys.meta_path.remove(self)
        spec = find_spec(name)
        if spec is not None and spec.loader is not None:
            load = spec.loader.exec_module
            setattr(spec.loader, "exec_module", lambda module: _without_stderr(load, module))
        return spec


def _hush_tensorflow() -> None:
    # TensorFlow reads the variable, but not before its libraries have spoken (tensorflow/tensorflow#100442). Whoever
    # wants to see them sets it.
    if "TF_CPP_MIN_LOG_LEVEL" not in os.environ:
        os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
        sys.meta_path.insert(0, _HushedImport())


def _without_stderr(call: Callable[[ModuleType], None], module: ModuleType) -> None:
    from tfsnn.stage.terminal import hushed

    with hushed():
        call(module)


def _explain(message: str, argv: Sequence[str]) -> None:
    if "--debug" in argv or os.environ.get("TFSNN_DEBUG", "0") != "0":
        traceback.print_exc()
    print(message.replace("\n", "\n  "), file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
