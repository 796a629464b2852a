"""How fast the compiled engine is, against the machine and against Keras; writes kernel.json and kernel.png.

    python -m tests.benchmarks.bench_kernel --out DIR [--parts kinds,growth] [--model model.h5 [--data-dir D]] [--frames 1000000]

Parts that are left out stay in kernel.json as an earlier run has written them.

Rates are synaptic updates a second on one core, next to an AXPY (x += w d, no check) on runs of the same length in the
first cache, measured in the same process; medians of five, taken in turn where two things are compared.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import product
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from tests.benchmarks.bench_nets import mnist_net, pilotnet, single_layer, strokes, video
from tfsnn.compiled import engine as compiled
from tfsnn.compiled import work
from tfsnn.compiled.kernel import columns as c
from tfsnn.input.encoder import Encoder
from tfsnn.input.events import Events
from tfsnn.network.graph import Graph
from tfsnn.network.nodes import Input
from tfsnn.network.ops import Conv, Dense, Linear
from tfsnn.plan.make import make
from tfsnn.plan.plan import Plan
from tfsnn.plan.settings import Settings
from tfsnn.record import Ledger

RUNS = (8, 16, 40, 80, 128, 256)
TIMES = 5
PARTS = ("rates", "kinds", "growth", "cores", "stream")


@njit
def axpy(x: NDArray[Any], w: NDArray[Any], run: int, times: int) -> None:
    one = x[0] * 0 + 1
    for turn in range(times):
        a = (turn * 16) % 512 + (turn % 5) * 640
        part, row = x[a : a + run], w[(turn % 5) * run : (turn % 5 + 1) * run]
        for i in range(run):
            part[i] += row[i] * one


def seconds(work: Callable[[], object]) -> float:
    start = perf_counter()
    work()
    return perf_counter() - start


def axpy_rates(carrier: str) -> dict[int, float]:
    """Updates a second by length of the run."""
    x, w, rates = np.zeros(8192, carrier), np.ones(8192, carrier), {}
    for run in RUNS:
        axpy(x, w, run, 10)
        rates[run] = run * 200_000 / median(seconds(partial(axpy, x, w, run, 200_000)) for _ in range(TIMES))
    return rates


def expected_seconds(plan: Plan, ledger: Ledger, rates: dict[int, float]) -> float:
    """What an AXPY on runs of the same lengths would take for the same updates."""
    arrays, total = work.prepared(plan, plan.carrier == "int32").tables.arrays, 0.0
    paths, axes = arrays[c.PATH_TABLE].reshape(-1, c.PATH_WIDTH), arrays[c.AXES]
    for number, operations in enumerate(ledger.synaptic_operations.sum(axis=0)):
        if operations:
            runs = [
                path[c.OUTER] * (axes[axes[path[c.COLUMNS] + path[c.OP_WIDTH] // 2] + c.COUNT] if path[c.DELIVERY] == c.FULL else 1)
                for path in paths[paths[:, c.TARGET] == number]
            ]
            total += operations / np.interp(np.mean(runs), list(rates), list(rates.values()))
    return total


def rate(graph: Graph, events: Events, schedule: str, threshold: float, rates: dict[int, float], times: int = TIMES) -> dict[str, Any]:
    """One network, one core: what a run takes, and what an AXPY would."""
    plan = make(graph, Settings(threshold, "absolute", "valued", schedule=schedule))
    compiled.prepare(plan)
    outcome = compiled.run(plan, events, schedule, ())
    taken = median(seconds(lambda: compiled.run(plan, events, schedule, ())) for _ in range(times))
    operations = int(outcome.ledger.synaptic_operations.sum())
    sent = int(outcome.ledger.sent.sum())
    return {
        "schedule": schedule, "carrier": plan.carrier, "threshold": threshold, "samples": events.samples, "events": sent,
        "operations": operations, "seconds": taken, "updates_per_second": operations / taken,
        "nanoseconds_per_event": 1e9 * taken / max(1, sent),
        "of_axpy": expected_seconds(plan, outcome.ledger, rates) / taken,
    }  # fmt: skip


def by_kind(rates: dict[int, float]) -> list[dict[str, Any]]:
    """One layer of each kind alone, against the share of its input that changes."""
    none = ((0, 0), (0, 0))
    kinds: dict[str, tuple[Linear, tuple[int, ...]]] = {
        "1x1": (Conv(64, (1, 1), padding=none), (24, 24, 64)),
        "depthwise 3x3": (Conv(64, (3, 3), padding=((1, 1), (1, 1)), groups=64), (24, 24, 64)),
        "3x3": (Conv(64, (3, 3), padding=((1, 1), (1, 1))), (24, 24, 64)),
        "5x5": (Conv(32, (5, 5), padding=((2, 2), (2, 2))), (24, 24, 32)),
        "dense": (Dense(256), (4096,)),
    }
    return [
        {"kind": kind, "share": share, **rate(single_layer(op, shape), video(shape, share, 200), "slot", 0.2, rates)}
        for kind, (op, shape) in kinds.items() for share in (0.001, 0.01, 0.1, 0.5)
    ]  # fmt: skip


def growth(rates: dict[int, float]) -> dict[str, list[dict[str, Any]]]:
    """Time against the share of the input that changes, width, samples."""
    found: dict[str, list[dict[str, Any]]] = {"density": [], "width": [], "samples": []}
    pilot, images = pilotnet(), strokes(256)
    for schedule in ("spike", "slot"):
        for share in (0.01, 0.03, 0.1, 0.3, 1.0):
            found["density"].append({"share": share, **rate(pilot, video((66, 200, 3), share), schedule, 0.2, rates, 3)})
        for width in (1, 2, 4):
            events = Encoder("delay").events(images[:32])
            found["width"].append({"width": width, **rate(mnist_net(width), events, schedule, 0.5, rates, 3)})
        for samples in (16, 64, 256):
            found["samples"].append(rate(mnist_net(), Encoder("delay").events(images[:samples]), schedule, 0.5, rates, 3))
    return found


def cores(all_cores: set[int]) -> list[dict[str, Any]]:
    """Samples a second against cores."""
    plan, events, found = make(mnist_net(), Settings(0.5, "absolute")), Encoder("delay").events(strokes(1000)), []
    for count in range(1, len(all_cores) + 1):
        os.sched_setaffinity(0, set(sorted(all_cores)[:count]))
        compiled.run(plan, events, "spike", ())
        taken = median(seconds(lambda: compiled.run(plan, events, "spike", ())) for _ in range(TIMES))
        found.append({"cores": count, "samples_per_second": events.samples / taken})
    return found


def against_keras(model: str, name: str, data_dir: str | None) -> list[dict[str, Any]]:
    """The test frames on all cores, against predict; in turn, five times a row. Under ``spike`` pixels have their own resolution."""
    import keras

    from tfsnn import Graph, convert_model, simulate
    from tfsnn.input import datasets as data

    dataset, network, rows = data.load(name, data_dir), keras.models.load_model(model), []
    for pooling, schedule in product(("population", "synapse"), ("spike", "slot")):
        graph = convert_model(model, calibration=dataset.train.x[:1000], pooling=pooling).graph
        encoder = replace(graph.inputs[0].encoder, bins=0) if schedule == "spike" else graph.inputs[0].encoder
        net = Graph((replace(graph.inputs[0], encoder=encoder), *graph.nodes[1:]), graph.outputs)
        frames, events = encoder.frames(dataset.test.x), encoder.events(dataset.test.x)
        predicted = partial(network.predict, frames, batch_size=256, verbose=0)
        exact = float(np.mean(predicted().argmax(axis=1) == dataset.test.y))
        for threshold in (0.2, 0.1):
            run = partial(simulate, net, events, threshold=threshold, spikes="valued", schedule=schedule)
            result = run()
            pairs = [(seconds(predicted), seconds(run)) for _ in range(TIMES)]
            ours, theirs = median(b for _, b in pairs), median(a for a, _ in pairs)
            rows.append({
                "frames": len(frames), "pooling": pooling, "schedule": schedule, "threshold": threshold, "carrier": result.carrier,
                "accuracy": float(np.mean(result.predictions == dataset.test.y)), "accuracy_keras": exact,
                "events_per_frame": float(result.ledger.sent.sum() / len(frames)), "operations_per_frame": float(result.operations.mean()),
                "seconds": ours, "seconds_keras": theirs, "ratio": ours / theirs,
            })  # fmt: skip
    return rows


def stream_of_frames(count: int) -> dict[str, Any]:
    """Random frames through a stream: whether x is still b + W o, and how memory grew."""
    from tfsnn.network.arithmetic import gather_sum, linear
    from tfsnn.stream import Stream

    graph = Graph((Input("in", (28, 28, 1), Encoder("graded", scale=1 / 255)), *mnist_net().nodes[1:]), ("dense2",))
    live, rng = Stream(graph, threshold=0.5, unit="absolute"), np.random.default_rng(3)
    frame = rng.integers(0, 256, (28, 28, 1)).astype(np.uint8)
    memory = dense = 0
    for number in range(count):
        # Now and then all of it: then layers are seen from their targets.
        some = 784 if number % 100 == 0 else 4
        frame.reshape(-1)[rng.integers(0, 784, some)] = rng.integers(0, 256, some)
        live.step(frame)
        dense += live.dense_macs > 0
        if number == min(1000, count - 1):
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    values = [live.sent[None].astype(np.int64), *live.state.o[1:]]
    exact = all(
        np.array_equal(x, p.bias[None] + sum(linear(q.op, q.weight, gather_sum(values[q.source], q.index), q.shape) for q in p.paths))
        for x, p in zip(live.state.x[1:], live.plan.populations[1:])
    )
    return {
        "frames": count, "frames_with_dense_layers": dense, "exact": exact,
        "seconds_per_frame": live.total_seconds / count, "carrier": live.carrier,
        "operations_per_frame": float(live.total.synaptic_operations.sum() / count),
        "memory_growth_kilobytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory,
    }  # fmt: skip


def picture(report: dict[str, Any], path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 7), layout="constrained")
    (top, right), (left, last) = figure.subplots(2, 2)
    top.plot(list(map(int, report["axpy"])), [v / 1e9 for v in report["axpy"].values()], "o-", label="AXPY, int32")
    top.set(xlabel="run length", ylabel="G updates/s", title="the machine's limit")
    for axes, name, key, label in (
        (right, "density", "share", "share of the input that changes"), (left, "width", "width", "width of the MNIST network"),
    ):  # fmt: skip
        for schedule in ("spike", "slot"):
            rows = [row for row in report["growth"][name] if row["schedule"] == schedule]
            axes.loglog([row[key] for row in rows], [1e3 * row["seconds"] / row["samples"] for row in rows], "o-", label=schedule)
        axes.set(xlabel=label, ylabel="ms a sample, one core")
    names = [f"{row['network']}\n{row['schedule']}" for row in report["rates"]]
    last.bar(names, [row["updates_per_second"] / 1e9 for row in report["rates"]])
    last.set(ylabel="G updates/s, one core")
    for axes in (top, right, left):
        axes.legend()
    figure.savefig(path, dpi=120)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--parts", default=",".join(PARTS), help=f"of {', '.join(PARTS)}, and keras, which --model adds")
    parser.add_argument("--model")
    parser.add_argument("--data", default="mnist")
    parser.add_argument("--data-dir")
    parser.add_argument("--frames", type=int, default=20_000)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    every = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(every)})
    rates = axpy_rates("int32")
    cases = [
        ("MNIST", mnist_net(), Encoder("delay").events(strokes(200)), 0.2),
        ("MNIST, one bin", mnist_net(), Encoder("delay", bins=1).events(strokes(200)), 0.2),
        ("PilotNet 5 %", pilotnet(), video((66, 200, 3), 0.05), 0.1),
        ("PilotNet 30 %", pilotnet(), video((66, 200, 3), 0.3), 0.1),
    ]
    made: dict[str, Callable[[], Any]] = {
        "rates": lambda: [{"network": n, **rate(g, e, s, t, rates)} for n, g, e, t in cases for s in ("spike", "slot")],
        "kinds": partial(by_kind, rates),
        "growth": partial(growth, rates),
        "cores": partial(cores, every),
        "stream": partial(stream_of_frames, args.frames),
        "keras": partial(against_keras, args.model, args.data, args.data_dir),
    }
    path = args.out / "kernel.json"
    report: dict[str, Any] = json.loads(path.read_text()) if path.is_file() else {}
    report["axpy"] = {str(run): found for run, found in rates.items()}
    for part in [*args.parts.split(","), *(["keras"] if args.model else [])]:
        os.sched_setaffinity(0, every if part == "keras" else {max(every)})
        report[part] = made[part]()
        path.write_text(json.dumps(report, indent=1) + "\n")
    if {"rates", "growth"} <= set(report):
        picture(report, args.out / "kernel.png")


if __name__ == "__main__":
    main()
