"""What a data set is: splits that are read on first use, each of raw input and what is right for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from tfsnn.aliases import Integers
from tfsnn.input.encoder import Encoder
from tfsnn.input.framing import Framing


class Split(NamedTuple):
    """Raw images ``x`` (n, \\*shape), and what is right for them: ``y`` as of :func:`tfsnn.input.targets.targets`, None if unknown.

    Either is a dict of arrays by name where a network has several inputs or outputs.
    """

    x: Any
    y: Any


class Ports(NamedTuple):
    """What a network takes and gives: name and shape of each input, and the names of its outputs."""

    inputs: tuple[tuple[str, tuple[int, ...]], ...]
    outputs: tuple[str, ...]


@dataclass(frozen=True)
class Dataset:
    """A data set whose splits are read on first use.

    Parameters
    ----------
    name
        What it was loaded by.
    encoder
        The encoder of networks trained on it, if nothing else is said.
    read
        Reads the split named ``"train"`` or ``"test"``.
    by_name
        Reads a split for a network, whose inputs and outputs data may name; None: all that there is are x and y.
    framing
        What was done to the frames of a video.
    starts
        Of a split, the numbers of the frames that its recordings begin with (``[0, 150]``: two recordings, frames in their order);
        None where samples are no video.
    """

    name: str
    encoder: Encoder
    read: Callable[[str], Split] = field(repr=False)
    by_name: Callable[[str, Ports], Split] | None = field(default=None, repr=False)
    framing: Framing | None = None
    starts: Callable[[str], Integers] | None = field(default=None, repr=False)

    def recordings(self, split: str) -> Integers | None:
        """Where the recordings of a split begin; None where samples are no video."""
        return None if self.starts is None else self.starts(split)

    @cached_property
    def train(self) -> Split:
        """What a network may learn from, and what calibration sees."""
        return self.read("train")

    @cached_property
    def validation(self) -> Split:
        """What choices are made on, where there is a split for it; InputError elsewhere."""
        return self.read("validation")

    @cached_property
    def test(self) -> Split:
        """What results are reported on."""
        return self.read("test")

    def split(self, name: str, ports: Ports) -> Split:
        """A split as a network takes it: arrays by name where it has several inputs or outputs, and the data hold such.

        Parameters
        ----------
        name
            ``"train"``, ``"validation"`` or ``"test"``.
        ports
            Of the network.
        """
        if self.by_name is not None:
            return self.by_name(name, ports)
        found: Split = getattr(self, name)
        return found

    def parted(self, held: int) -> tuple[Split, Split]:
        """The training split without the frames that are held out for choices, and these: the same ones for every seed.

        Parameters
        ----------
        held
            How many; of a video the last ones, because what is drawn from it has neighbours that are trained on and look alike.
        """
        x, y = self.train
        if self.recordings("train") is not None:
            return Split(x[:-held], y[:-held]), Split(x[-held:], y[-held:])
        order = np.random.RandomState(0).permutation(len(y))
        held_out, learnt = (np.sort(part) for part in np.split(order, [held]))
        return Split(x[learnt], y[learnt]), Split(x[held_out], y[held_out])
