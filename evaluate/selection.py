"""Which threshold a report speaks of: chosen on frames that its results are not reported on, where there are such."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tfsnn.artifact import Net
from tfsnn.errors import InputError
from tfsnn.input.dataset import Dataset
from tfsnn.plan.plan import Plan

from .baselines.ann import dense_outputs
from .training import Training
from .trial import trial
from .workload import Workload, ports_of, prepare

HELD_OUT = "held-out"
SPLITS = ("train", "validation", HELD_OUT, "test")
SAMPLES, HELD_SAMPLES = 2000, 5000
"""Frames that a threshold is chosen on, at most; of those that the model was not trained on, more."""
TOLERANCE = 0.1
"""As good as the integer network: so many points below at most; of values also an rmse a twentieth above."""
Progress = Callable[[int], object]


@dataclass(frozen=True)
class Selection:
    """What was found on the frames that the threshold is chosen on.

    Parameters
    ----------
    on
        The split; ``"held-out"``: the training frames that ``tfsnn train`` held out.
    samples, sha256
        How many frames, and their digest.
    rows
        By threshold: measures, ``synaptic_operations``, and ``behind``: how many points behind the integer network.
    row, within
        The position chosen, and whether it is as good as the integer network.
    """

    on: str
    samples: int
    sha256: str
    rows: list[dict[str, Any]]
    row: int
    within: bool


def held_out(
    net: Net, dataset: Dataset, tested: Workload, split: str | None, thresholds: int, bins: int | None = None,
    training: Training | None = None,
) -> Workload | None:
    """The frames to choose a threshold on; None: those that are tested.

    Parameters
    ----------
    net, dataset, bins
        As of :func:`tfsnn.evaluate.workload.prepare`.
    tested
        What results are reported on.
    split
        One of :data:`SPLITS`; None: the frames that the training held out, where that is known; else the training split where
        there is another than the test split, else the test split.
    thresholds
        How many there are to choose from.
    training
        How the model was trained, if that is known.
    """
    if split not in (None, *SPLITS):
        raise InputError(f"evaluate: select_on is {split!r}; choose one of {', '.join(SPLITS)}")
    if split == "test" or (split is None and thresholds == 1):
        return None
    if split in (None, HELD_OUT):
        found = _of_training(net, dataset, tested, training, bins)
        if found is not None:
            return found
        if split is not None:
            wanted = f"of a network that tfsnn train trained on {tested.dataset}, with train.json beside the model (--model)"
            raise InputError(f"evaluate: which frames were held out is known {wanted}; choose on another split (--select-on)")
    named, name, ports = split is not None, split or "train", ports_of(net.graph)
    try:
        own = not _same(dataset.split(name, ports).x, dataset.split("test", ports).x)
        found = prepare(net, dataset, name, samples=SAMPLES, bins=bins, clipped=True, spread=not tested.streamed) if own else None
    except InputError:
        if named:
            raise
        return None
    if found is None and named:
        raise InputError(
            f"evaluate: the {name} split of {tested.dataset} holds the frames that are tested; give it frames of its own "
            f"(x_{name}, y_{name}), or choose on the test split (--select-on test)"
        )
    return found


def _of_training(net: Net, dataset: Dataset, tested: Workload, training: Training | None, bins: int | None) -> Workload | None:
    """The frames that the training held out; None where that is not known, or was a training on other data."""
    try:
        held = None if training is None else training.held_out(dataset)
        if held is None:
            return None
        found = prepare(net, held, "train", samples=HELD_SAMPLES, bins=bins, clipped=True, spread=not tested.streamed)
    except InputError:
        return None
    return replace(found, split=HELD_OUT)


def _same(one: Any, other: Any) -> bool:
    """Whether two splits hold the same frames."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return set(one) == set(other) and all(np.array_equal(one[name], other[name]) for name in one)
    return bool(np.array_equal(one, other))


def select(workload: Workload, plans: Sequence[Plan], progress: Progress | None = None) -> Selection:
    """Try every threshold on frames to choose on.

    Parameters
    ----------
    workload
        The frames.
    plans
        One a threshold.
    progress
        Called with the number of samples done.
    """
    reference = workload.figures(workload.by_output(dense_outputs(workload.graph, workload.frames)))
    rows = []
    for plan in plans:
        found = trial(workload, plan, curved=False, progress=progress)
        figures = workload.figures(workload.by_output(found.outputs))
        behind = workload.lost(figures, reference)
        cost = float(found.operations.mean())
        rows.append({"threshold": plan.settings.threshold} | figures | {"synaptic_operations": cost, "behind": behind})
    row, within = cheapest(rows, reference, workload.measure)
    return Selection(workload.split, workload.samples, workload.sha256, rows, row, within)


def cheapest(rows: Sequence[Mapping[str, Any]], reference: Mapping[str, Any], measure: str) -> tuple[int, bool]:
    """The row with the fewest operations of those as good as the reference, or else the one least behind.

    Parameters
    ----------
    rows
        With ``behind`` and ``synaptic_operations``.
    reference
        Measures of the integer network.
    measure
        The measure that decides.

    Returns
    -------
    int, bool
        Position of the row, and whether it is as good.
    """
    good = [at for at, row in enumerate(rows) if row["behind"] <= TOLERANCE + 1e-9 or _near(row, reference, measure)]
    if good:
        return min(good, key=lambda at: float(rows[at]["synaptic_operations"])), True
    return int(np.argmin([row["behind"] for row in rows])), False


def _near(row: Mapping[str, Any], reference: Mapping[str, Any], measure: str) -> bool:
    return measure == "rmse" and "outputs" not in row and row["rmse"] <= 1.05 * reference["rmse"]
