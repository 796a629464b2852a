"""A camera's frames through a stream, beside LiteRT on the same frames; writes camera.json.

    python -m tests.benchmarks.bench_camera --data-dir DIR --out DIR [--case person] [--frames 300] [--width 2]

LiteRT runs the model's float32 form on one thread, in the same process, in turn with the stream: one run over all frames each, or, with
``--turns frames``, a frame each, so that each finds in the caches what the other has left there. Figures are medians of ``--times`` such
runs, the first frame apart (it is all change). Decisions are compared with the float original's.

========  ================================================================================================================
case      what
========  ================================================================================================================
person    the MobileNet of the Visual Wake Words benchmark on a static indoor camera
wide      the same layers ``--width`` times as wide, weights drawn, batch normalization calibrated on the video
road      PilotNet on the camera of a car that drives, 10 frames/s: nearly all changes
smooth    the same road, ten frames interpolated from one to the next
========  ================================================================================================================
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

from tfsnn.aliases import Array
from tfsnn.artifact import Net
from tfsnn.input.encoder import Encoder
from tfsnn.input.framing import Framing
from tfsnn.input.video import open_video

PERSON_MODEL, ROAD_MODEL = "keras_models/mobilenet_vww96_keras2.4_mlcommons.h5", "picar/pilotnet_trained.h5"
PERSON_VIDEO, ROAD_VIDEOS = "video/intel_one-by-one-person-detection.mp4", [f"picar/out-video-{n}.avi" for n in (31, 33, 35)]
INPUT_THRESHOLD = 0.015
Threshold = float | dict[str, float]
CALIBRATION = 100


@dataclass(frozen=True, eq=False)
class Case:
    """A network and the frames that it sees.

    Parameters
    ----------
    model
        The Keras model, inputs divided by 255.
    net, frames
        It converted; uint8 (frames, \\*shape).
    thresholds
        To run it at.
    """

    model: Any
    net: Net
    frames: Array
    thresholds: tuple[float, ...]


def load_model(path: Path) -> Any:
    """A Keras model, with the ``groups`` that some versions have written to depthwise convolutions left out."""
    import keras

    class Depthwise(keras.layers.DepthwiseConv2D):  # type: ignore[misc]
        def __init__(self, groups: int = 1, **settings: Any) -> None:
            super().__init__(**settings)

    return keras.models.load_model(path, custom_objects={"DepthwiseConv2D": Depthwise}, compile=False)


def frames_of(paths: list[Path], framing: Framing, count: int | None) -> Array:
    """The first frames of some videos, one behind the other."""
    found: list[Array] = []
    for path in paths:
        if path.is_file():
            with open_video(path, framing) as video:
                found.extend(islice(video, None if count is None else count - len(found)))
    if not found:
        raise SystemExit(f"none of {', '.join(map(str, paths))} is there; --data-dir names the folder that holds them")
    return np.stack(found)


def converted(model: Any, frames: Array, *, lossy: bool = False) -> Net:
    """The network of a model whose input is pixels divided by 255."""
    from tfsnn import convert_model

    encoder = Encoder("delta", scale=1 / 255, threshold=INPUT_THRESHOLD)
    chosen = np.linspace(0, len(frames) - 1, min(CALIBRATION, len(frames))).astype(int)
    net: Net = convert_model(model, encoder=encoder, calibration=frames[chosen], lossy=lossy)
    return net


def person(data: Path, count: int | None) -> Case:
    """The person detector."""
    frames = frames_of([data / PERSON_VIDEO], Framing((96, 96), "rgb"), count)
    return Case(load_model(data / PERSON_MODEL), converted(str(data / PERSON_MODEL), frames), frames, (0.0075, 0.02))


def wide(data: Path, count: int | None, width: int) -> Case:
    """A MobileNet of drawn weights, as wide as it takes."""
    import keras

    frames = frames_of([data / PERSON_VIDEO], Framing((96, 96), "rgb"), count)
    keras.utils.set_random_seed(0)
    model = keras.applications.MobileNet((96, 96, 3), alpha=0.25 * width, weights=None, classes=2)
    sample = frames[np.linspace(0, len(frames) - 1, 64).astype(int)].astype(np.float32) / 255
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
    # The statistics of a layer are those behind layers that have theirs: once is enough, as all use the batch's own.
    model(sample, training=True)
    # Drawn weights decide nothing: what int8 loses of them is no matter.
    return Case(model, converted(model, frames, lossy=True), frames, (0.0075, 0.02))


def road(data: Path, count: int | None, *, between: int = 1) -> Case:
    """PilotNet; ``between`` frames for each of the camera's."""
    few = None if count is None else -(-count // between) + 1
    frames = frames_of([data / path for path in ROAD_VIDEOS], Framing((66, 200), "bgr"), few)
    steps = np.arange(between)[:, None, None, None, None] / between
    pairs = frames[:-1].astype(np.float32), frames[1:].astype(np.float32)
    shown = np.rint(pairs[0][None] * (1 - steps) + pairs[1][None] * steps).astype(np.uint8)
    frames = shown.swapaxes(0, 1).reshape(-1, *frames.shape[1:])[:count] if between > 1 else frames
    model = load_model(data / ROAD_MODEL)
    return Case(model, converted(str(data / ROAD_MODEL), frames), frames, (0.02, 0.05, 0.1))


class LiteRT:
    """The float32 form of a model on one thread."""

    def __init__(self, model: Any) -> None:
        import tensorflow
        from ai_edge_litert.interpreter import Interpreter

        content = tensorflow.lite.TFLiteConverter.from_keras_model(model).convert()
        self.interpreter = Interpreter(model_content=content, num_threads=1)
        self.interpreter.allocate_tensors()
        self.input, self.output = (
            details[0]["index"] for details in (self.interpreter.get_input_details(), self.interpreter.get_output_details())
        )

    def invoke(self, frame: Array) -> None:
        """One frame of float32 (1, \\*shape)."""
        self.interpreter.set_tensor(self.input, frame)
        self.interpreter.invoke()

    @property
    def outputs(self) -> Array:
        """Of the last frame."""
        found: Array = self.interpreter.get_tensor(self.output)[0].copy()
        return found


def statistics(milliseconds: Array) -> dict[str, float]:
    """(runs, frames): medians over the runs; and with each frame's quickest run."""
    later = milliseconds[:, 1:]
    parts = {"mean": later.mean(axis=1), "median": np.median(later, axis=1), "p99": np.percentile(later, 99, axis=1)}
    found = {name: float(median(values)) for name, values in (parts | {"first": milliseconds[:, 0]}).items()}
    # Of each frame its quickest run: what other programs on the machine do is left out.
    least = later.min(axis=0)
    parts = {"least_mean": least.mean(), "least_median": np.median(least), "least_p99": np.percentile(least, 99)}
    return found | {name: float(value) for name, value in parts.items()}


def compare(case: Case, beside: LiteRT, threshold: Threshold, times: int, turns: str) -> dict[str, Any]:
    """A stream and LiteRT in turn, run by run or frame by frame."""
    from tfsnn import Stream

    stream, pixels = Stream(case.net, threshold=threshold), case.frames.astype(np.float32) / np.float32(255)
    count = len(case.frames)
    ours, theirs, operations = np.zeros((times, count)), np.zeros((times, count)), np.zeros(count)
    found: list[Array] = []
    wanted: list[Array] = []

    def step(turn: int, number: int) -> None:
        start = perf_counter()
        output = stream.step(case.frames[number])
        ours[turn, number] = 1e3 * (perf_counter() - start)
        if turn == 0:
            operations[number] = stream.ledger.synaptic_operations.sum()
            found.append(output)

    def invoke(turn: int, number: int) -> None:
        start = perf_counter()
        beside.invoke(pixels[number : number + 1])
        theirs[turn, number] = 1e3 * (perf_counter() - start)
        if turn == 0:
            wanted.append(beside.outputs)

    stream.step(case.frames[0])
    for turn in range(times):
        stream.reset()
        if turns == "runs":
            for run in (step, invoke):
                for number in range(count):
                    run(turn, number)
        else:
            for number in range(count):
                step(turn, number)
                invoke(turn, number)
    a, b = np.stack(found), np.stack(wanted)
    mine, lite = statistics(ours), statistics(theirs)
    return {
        "threshold": threshold, "turns": turns, "frames": count, "carrier": stream.carrier, "tfsnn": mine, "litert": lite,
        "faster": {name: lite[name] / mine[name] for name in mine},
        "operations": {"mean": operations[1:].mean(), "median": float(np.median(operations[1:])), "first": operations[0]},
        "same_decisions": float(np.mean(a.argmax(axis=1) == b.argmax(axis=1))) if a.shape[1] > 1 else None,
        "rms_difference": float(np.sqrt(np.mean((a - b) ** 2))) if a.shape[1] == 1 else None,
    }  # fmt: skip


def unchanged(case: Case, threshold: Threshold, times: int = 2000) -> dict[str, float]:
    """Microseconds of a frame that changes nothing, and of one in which one pixel value does."""
    from tfsnn import Stream

    stream, found = Stream(case.net, threshold=threshold), {}
    other = case.frames[0].copy()
    other[0, 0, 0] ^= 64
    for name, frames in (("none", (case.frames[0], case.frames[0])), ("one", (case.frames[0], other))):
        stream.step(frames[0])
        taken = np.zeros(times)
        for number in range(times):
            start = perf_counter()
            stream.step(frames[number % 2])
            taken[number] = 1e6 * (perf_counter() - start)
        found[name] = float(np.median(taken))
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, required=True, help="folder that holds keras_models, picar and video")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--case", choices=["person", "wide", "road", "smooth"], default="person")
    parser.add_argument("--frames", type=int, help="how many of them (default: all)")
    parser.add_argument("--width", type=int, default=2, help="of case wide")
    parser.add_argument("--thresholds", type=lambda text: tuple(map(float, text.split(","))), help="other than the case's own")
    parser.add_argument("--by-layer", type=Path, help="a JSON file with a threshold for each layer, one more row")
    parser.add_argument("--turns", choices=["runs", "frames"], default="runs")
    parser.add_argument("--times", type=int, default=5)
    args = parser.parse_args()
    # One core for both: what runs beside them is not measured.
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    cases: dict[str, Callable[[Path, int | None], Case]] = {
        "person": person, "wide": partial(wide, width=args.width), "road": road, "smooth": partial(road, between=10),
    }  # fmt: skip
    case = cases[args.case](args.data_dir, args.frames)
    beside, report = LiteRT(case.model), []
    chosen: list[Threshold] = list(args.thresholds or case.thresholds)
    if args.by_layer is not None:
        chosen.append(json.loads(args.by_layer.read_text()))
    for threshold in chosen:
        row = compare(case, beside, threshold, args.times, args.turns)
        report.append(row | {"case": args.case, "microseconds": unchanged(case, threshold)})
        print(json.dumps(report[-1], indent=1))
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "camera.json").write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
