"""Time and memory of reading, checking and converting a large Keras model; writes convert.json.

    python -m tests.benchmarks.bench_convert --out DIR [--model model.h5]

The model is ResNet50 of keras.applications with random weights unless another is given. Each command runs in a fresh process.
Memory is the growth of the process' peak resident set over what it was after all imports, TensorFlow's included, beside the
size of the model's float32 weights; verification against Keras, which loads the model as well, is part of converting.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

COMMANDS = ("check", "convert")


def peak() -> int:
    """Peak resident set of this process in bytes; unlike ru_maxrss it forgets the process that started this one."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM"))


def measured(work: Callable[[], object]) -> tuple[float, int]:
    """Seconds, and bytes by which the peak grew."""
    before, start = peak(), perf_counter()
    with contextlib.redirect_stdout(io.StringIO()):
        work()
    return perf_counter() - start, peak() - before


def run(command: str, model: str, folder: str) -> None:
    """In a process of its own: print seconds and bytes of one command."""
    import keras
    import tensorflow

    from tfsnn.__main__ import main
    from tfsnn.convert import check
    from tfsnn.convert import pipeline as run

    # They have been imported, and what importing them takes is not counted.
    assert all((keras, tensorflow, check, run))
    arguments = [command, model, *(["--out", f"{folder}/net.snn.h5", "--force"] if command == "convert" else [])]
    print(json.dumps(measured(lambda: main(arguments))))


def made(path: str) -> None:
    """In a process of its own: write ResNet50."""
    import keras

    keras.utils.set_random_seed(0)
    keras.applications.ResNet50(weights=None).save(path)


def weight_bytes(path: str) -> int:
    """Size of a model's weights."""
    from tfsnn.convert.read.read import read

    return sum(weight.nbytes for layer in read(path).layers.values() for weight in layer.weights.values())


def measure(model: str | None = None) -> dict[str, dict[str, float]]:
    """By command, ``seconds``, ``megabytes`` and ``of_weights``, each in a fresh process."""
    with TemporaryDirectory() as folder:
        path = model or f"{folder}/resnet50.h5"
        if model is None:
            subprocess.run([sys.executable, __file__, "--process", "made", path, folder], check=True, capture_output=True)
        size, found = weight_bytes(path), {}
        for command in COMMANDS:
            arguments = [sys.executable, __file__, "--process", command, path, folder]
            answer = subprocess.run(arguments, check=True, capture_output=True, text=True).stdout
            seconds, grown = json.loads(answer.splitlines()[-1])
            found[command] = {"seconds": seconds, "megabytes": grown / 1e6, "of_weights": grown / size}
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="time and memory of converting a large model")
    parser.add_argument("--out", default=".", help="folder for convert.json")
    parser.add_argument("--model", help="Keras file (default: ResNet50 with random weights)")
    parser.add_argument("--process", nargs=3, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.process:
        command, model, folder = args.process
        made(model) if command == "made" else run(command, model, folder)
        return
    found = measure(args.model)
    for command, row in found.items():
        print(f"{command:8} {row['seconds']:6.1f} s   {row['megabytes']:6.0f} MB, {row['of_weights']:.2f} of the weights")
    Path(args.out).mkdir(parents=True, exist_ok=True)
    Path(args.out, "convert.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
