"""What a network's outputs decide, and how far two networks agree."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np

from tfsnn.aliases import Floats, Integers
from tfsnn.errors import InputError
from tfsnn.network.graph import Graph
from tfsnn.network.nodes import Neurons

KINDS = ("classes", "mask", "values")


@dataclass(frozen=True)
class Decision:
    """How the outputs of a network are read.

    Parameters
    ----------
    kind
        ``"classes"``: the largest output. ``"mask"``: of each pixel the largest channel, or whether the one channel is above
        ``level``. ``"values"``: the numbers themselves.
    shape
        Of the output.
    level
        Of a mask with one channel: 0.5 behind a sigmoid, else 0.
    softmax
        Classes have shares: those of a softmax.
    """

    kind: str
    shape: tuple[int, ...]
    level: float = 0.0
    softmax: bool = False

    def decided(self, outputs: Floats) -> Integers:
        """int64: the class, or the class of each pixel; of values nothing.

        Parameters
        ----------
        outputs
            float64 (outputs)
        """
        if self.kind == "values":
            return np.zeros(0, np.int64)
        rows = outputs.reshape(-1, self.shape[-1]) if self.kind == "mask" else outputs.reshape(1, -1)
        found: Integers = (rows[:, 0] > self.level).astype(np.int64) if rows.shape[1] == 1 else rows.argmax(1).astype(np.int64)
        return found

    def agreement(self, outputs: Floats, reference: Floats) -> float:
        """Share of decisions that are the same; of values 1."""
        one, other = self.decided(outputs), self.decided(reference)
        return float((one == other).mean()) if one.size else 1.0

    def shown(self, outputs: Floats) -> str:
        """The decision in a few words.

        Examples
        --------
        >>> Decision("classes", (3,)).shown(np.array([0.1, 0.7, 0.2]))
        'class 1 (0.7)'
        >>> Decision("classes", (2,), softmax=True).shown(np.array([0.0, np.log(3.0)]))
        'class 1 (75.0 %)'
        """
        if self.kind == "classes":
            best = int(outputs.argmax())
            if self.softmax:
                return f"class {best} ({100 / np.exp(outputs - outputs[best]).sum():.1f} %)"
            return f"class {best} ({outputs[best]:.4g})"
        if self.kind == "mask":
            return f"{100 * (self.decided(outputs) > 0).mean():.1f} % of the pixels"
        return ", ".join(f"{value:.4g}" for value in outputs[:4]) + ", ..." * (len(outputs) > 4)


def decision(graph: Graph, kind: str | None = None) -> Decision:
    """How a network's outputs are read, as far as its shape says.

    Parameters
    ----------
    graph
        A network with one output.
    kind
        One of :data:`KINDS`; default: one number is a value, a row is classes, an image is a mask.
    """
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        raise InputError(
            f"stream: the network has {len(graph.inputs)} inputs and {len(graph.outputs)} outputs; a video feeds one, and one is "
            "watched: use tfsnn.Stream from Python for others"
        )
    node = graph[graph.outputs[0]]
    chosen = kind or ("values" if prod(node.shape) == 1 else "mask" if len(node.shape) == 3 else "classes")
    if chosen not in KINDS:
        raise InputError(f"stream: decisions of kind {chosen!r}; choose one of {', '.join(KINDS)}")
    sigmoid = isinstance(node, Neurons) and node.activation.kind == "sigmoid"
    return Decision(chosen, node.shape, 0.5 if sigmoid else 0.0, node.softmax)
