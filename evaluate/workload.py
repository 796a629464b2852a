"""What is evaluated: the frames of a split that fit the network, encoded for it, and what is right for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfsnn.aliases import Array, Floats
from tfsnn.artifact import Net
from tfsnn.errors import InputError
from tfsnn.input.dataset import Dataset, Ports
from tfsnn.input.encoder import Encoder
from tfsnn.input.events import Events
from tfsnn.memory import afford
from tfsnn.network.graph import Graph
from tfsnn.network.nodes import Input
from tfsnn.stage.provenance import digest

from .measure.task import Task, task_of


@dataclass(frozen=True, eq=False)
class Workload:
    """A network, and the frames it is evaluated on.

    Parameters
    ----------
    net
        The network; its encoders are those that were used.
    dataset, split
        Names of the data set and of the split.
    available
        How many frames the split has.
    raw, frames
        (frames, \\*shape) by input: the frames taken, and what the encoder makes of them.
    tasks, targets
        By output, how it is judged, and (frames, ...) against what.
    events
        What the encoders make of the frames, for the event network.
    sha256
        Digest of the frames taken and of what is right for them.
    """

    net: Net
    dataset: str
    split: str
    available: int
    raw: dict[str, Array]
    frames: dict[str, NDArray[np.float32]]
    tasks: dict[str, Task]
    targets: dict[str, Array]
    events: Events
    sha256: str

    @property
    def graph(self) -> Graph:
        """The network's graph."""
        return self.net.graph

    @property
    def encoder(self) -> Encoder:
        """The encoder of the first input."""
        return self.graph.inputs[0].encoder

    @property
    def samples(self) -> int:
        """How many frames were taken."""
        return len(next(iter(self.raw.values())))

    @property
    def first(self) -> str:
        """The first output, whose measure stands in front."""
        return next(iter(self.tasks))

    @property
    def measure(self) -> str:
        """The measure that decides, of the first output."""
        return self.tasks[self.first].measure

    @property
    def streamed(self) -> bool:
        """Whether the frames form one stream, each sent as the change to the one before."""
        return self.encoder.kind == "delta"

    def by_output(self, outputs: Floats) -> dict[str, Floats]:
        """Outputs of the network (frames, all units) by the name of each."""
        cuts = np.cumsum([prod(task.shape) for task in self.tasks.values()])[:-1]
        return dict(zip(self.tasks, np.split(outputs, cuts, axis=1)))

    def lost(self, figures: Mapping[str, Any], first: Mapping[str, Any]) -> float:
        """How many points the first of two results is behind the second; of several outputs the one that is furthest behind."""
        pairs = [(figures.get("outputs", {name: figures})[name], first.get("outputs", {name: first})[name]) for name in self.tasks]
        return max(task.lost(*pair, self.targets[name]) for (name, task), pair in zip(self.tasks.items(), pairs))

    def at_chance(self, figures: Mapping[str, Any]) -> bool:
        """Whether an answer that is always the same does as well as an output, as far as so many frames can tell."""
        found = figures.get("outputs", {self.first: figures})
        return any(task.at_chance(found[name], task.constant(self.targets[name])) for name, task in self.tasks.items())

    def figures(self, outputs: Mapping[str, Floats]) -> dict[str, Any]:
        """All measures of outputs: those of the first one, and by name where there are several."""
        found = {name: task.figures(outputs[name], self.targets[name]) for name, task in self.tasks.items()}
        return found[self.first] | ({"outputs": found} if len(found) > 1 else {})


def prepare(
    net: Net, dataset: Dataset, split: str = "test", *, samples: int | None = None, bins: int | None = None, clipped: bool = False,
    spread: bool = False,
) -> Workload:
    """The frames of a split, encoded for a network.

    Parameters
    ----------
    net
        The network.
    dataset
        The data set.
    split
        ``"train"``, ``"validation"`` or ``"test"``.
    samples
        Take so many, the first; None takes all.
    bins
        Time bins of the ``delay`` encoder, instead of the network's own.
    clipped
        Where there are fewer than ``samples``, take all.
    spread
        Take them evenly over the split, not the first ones.

    Raises
    ------
    InputError
        If the data do not fit the network.
    """
    if samples is not None and samples < 1:
        raise InputError(f"evaluate: samples is {samples}; take at least 1")
    if bins is not None:
        net = replace(net, graph=_with_bins(net.graph, bins))
    found = dataset.split(split, ports_of(net.graph))
    raw = _by_input(net.graph, dataset.name, found.x)
    if found.y is None:
        raise InputError(f"evaluate: {dataset.name} holds no labels; {_labels_wanted(net.graph, split)}")
    given = dict(found.y) if isinstance(found.y, Mapping) else {net.graph.outputs[0]: found.y}
    tasks, targets = _by_output(net.graph, dataset.name, given)
    available = len(next(iter(raw.values())))
    if samples is not None and samples > available and not clipped:
        raise InputError(f"evaluate: samples is {samples}; the {split} split of {dataset.name} has {available}")
    chosen = _chosen(available, samples, spread)
    raw = {name: values[chosen] for name, values in raw.items()}
    # Frames and levels of all pixels, and some eight columns of all events while they are sorted.
    needed = sum(24 * values.size + 64 * int(np.count_nonzero(values)) for values in raw.values())
    afford(needed, f"evaluate: frames and events of {min(available, samples or available)} samples", "take fewer with --samples")
    frames = {node.name: node.encoder.frames(raw[node.name]) for node in net.graph.inputs}
    right = {name: values[chosen] for name, values in targets.items()}
    sha256 = digest(*raw.values(), *(values[chosen] for values in given.values()))
    name = Path(dataset.name).name
    return Workload(net, name, split, available, raw, frames, tasks, right, net.events(raw), sha256)


def ports_of(graph: Graph) -> Ports:
    """What a network takes and gives, as a data set is asked for it."""
    return Ports(tuple((node.name, node.shape) for node in graph.inputs), graph.outputs)


def _chosen(available: int, samples: int | None, spread: bool) -> Any:
    if spread and samples is not None and samples < available:
        return np.linspace(0, available - 1, samples).astype(np.int64)
    return slice(samples)


def _with_bins(graph: Graph, bins: int) -> Graph:
    nodes = [
        replace(n, encoder=Encoder.from_json(n.encoder.to_json() | {"bins": bins})) if isinstance(n, Input) else n
        for n in graph.nodes
    ]
    return replace(graph, nodes=tuple(nodes))


def _by_input(graph: Graph, name: str, x: Any) -> dict[str, Array]:
    """Frames by the name of the input, of the shape that it takes."""
    given = dict(x) if isinstance(x, Mapping) else {graph.inputs[0].name: x}
    names = [node.name for node in graph.inputs]
    if not set(names) <= set(given):
        found = f"{name} has frames for {', '.join(given)}, the network's inputs are {', '.join(names)}"
        raise InputError(f"evaluate: {found}; give an .npz with an array for each, by these names")
    for node in graph.inputs:
        shape = given[node.name].shape[1:]
        if shape != node.shape:
            which = f" {node.name}" * (len(names) > 1)
            raise InputError(
                f"evaluate: frames of {name} have shape {shape}, the network's input{which} {node.shape}; "
                "evaluate on the data it was trained for, or reshape these into an .npz"
            )
    return {node: given[node] for node in names}


def _labels_wanted(graph: Graph, split: str) -> str:
    if len(graph.outputs) == 1:
        return f"add y_{split}, or y for both splits"
    return f"add an array for each output, by these names ({', '.join(graph.outputs)})"


def _by_output(graph: Graph, name: str, given: Mapping[str, Array]) -> tuple[dict[str, Task], dict[str, Array]]:
    """How each output is judged, and against what."""
    if set(given) != set(graph.outputs):
        found = f"{name} has targets for {', '.join(given)}, the network's outputs are {', '.join(graph.outputs)}"
        raise InputError(f"evaluate: {found}; give an .npz with an array for each, by these names")
    pairs = {output: task_of(graph[output], given[output], f"labels of {name}") for output in graph.outputs}
    return {output: task for output, (task, _) in pairs.items()}, {output: right for output, (_, right) in pairs.items()}
