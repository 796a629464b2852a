"""``tfsnn reproduce PAPER --out DIR``."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from tfsnn.errors import InputError
from tfsnn.stage.machine import cores
from tfsnn.stage.output import guard

from .page import page
from .papers import GESTURES, PAPERS, STEERING, Options, results_of, steps_of
from .steps import RECORDS, Step, needed, run_all
from .workers import Workers

RESULTS, PAGE = "results.md", "results.html"
MOST_JOBS = 4
"""At once, unless asked for: each holds TensorFlow, a data set and a network."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``tfsnn reproduce``."""
    add, default = parser.add_argument, "default: %(default)s"
    add("paper", choices=PAPERS, metavar="PAPER", help=" or ".join(PAPERS))
    add("--out", required=True, type=Path, metavar="DIR", help="where everything goes, under the paper's name")
    add("--only", metavar="NAME,...", help="these tables and figures alone, as in table1,fig4 (default: all)")
    add("--seeds", type=int, default=1, metavar="N", help=f"networks trained for the MNIST rows, their spread is reported ({default})")
    default_jobs = f"default: one for each core, at most {MOST_JOBS}"
    help_jobs = f"steps at once, each in a process of its own; 1: one by one, in this process ({default_jobs})"
    add("--jobs", type=int, default=min(cores(), MOST_JOBS), metavar="N", help=help_jobs)
    add("--data", default="mnist", metavar="NAME", help=f"data set in place of MNIST, by name or file; the tables say so ({default})")
    add("--data-dir", type=Path, metavar="DIR", help="where data sets lie (default: TFDS_DATA_DIR)")
    add("--epochs", type=int, metavar="N", help="of every training, for a quick look; the tables say so (default: the recipes')")
    add("--samples", type=int, metavar="N", help="the first N test samples only; the tables say so")
    add("--steering", default="road_small", metavar="NAME", help=f"drives: {', '.join(STEERING)}, road, or a folder ({default})")
    add("--gestures", default="gesture_small", choices=GESTURES, help=f"gestures; the paper's own need --data-dir ({default})")


def run(args: argparse.Namespace) -> int:
    """``tfsnn reproduce``."""
    for option in ("seeds", "jobs"):
        if getattr(args, option) < 1:
            raise InputError(f"--{option} {getattr(args, option)}; give 1 or more")
    folder = args.out / args.paper
    if not (folder / RECORDS).is_dir():
        guard(folder, directory=True)
    chosen = Options(args.seeds, args.data, args.data_dir, args.epochs, args.samples, args.steering, args.gestures)
    steps = steps_of(args.paper, chosen)
    wanted = _wanted(results_of(steps), args.only)
    steps = needed(steps, wanted)
    every = [*steps, *_results(args.paper, steps)]
    # What a training gives depends on the number of threads; and a second one makes networks of this size hardly faster.
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
    workers = Workers(args.jobs, args.dispatch) if args.jobs > 1 else None
    count = run_all(every, folder, args.dispatch, workers)
    print((folder / RESULTS).read_text(encoding="utf-8"), end="")
    done = f"did {count} of {len(every)} steps" if count else f"nothing to do: all {len(every)} steps were done before"
    print(f"\n{done}; {folder / RESULTS}, {folder / PAGE}")
    return 0


def _wanted(results: Sequence[str], only: str | None) -> list[str]:
    names = list(results) if only is None else [name.strip() for name in only.split(",")]
    for name in names:
        if name not in results:
            raise InputError(f"--only: {name!r} is not in this paper; choose among {', '.join(results)}")
    return names


def _results(paper: str, steps: Sequence[Step]) -> list[Step]:
    """One page of all tables and figures, as Markdown and as HTML."""
    shown = [step for step in steps if step.write is not None]

    def write(folder: Path, place: Path) -> None:
        parts = []
        for step in shown:
            if step.files:
                parts.append((folder / step.outputs[0]).read_text(encoding="utf-8"))
            else:
                source = f" From {', '.join(step.inputs)}." if step.inputs else ""
                parts.append(f"## {step.title}\n\n![{step.title}]({step.out}){source}\n")
        place.write_text("\n".join(parts), encoding="utf-8")

    def write_page(folder: Path, place: Path) -> None:
        place.write_text(page(paper, folder, shown), encoding="utf-8")

    inputs = tuple(name for step in shown for name in step.outputs)
    return [Step("results", RESULTS, inputs, write=write), Step("page", PAGE, inputs, write=write_page)]
