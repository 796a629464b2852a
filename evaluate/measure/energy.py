"""Energy of operations under presets, each with its assumptions: an estimate beside its reasons, never one bare number."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from tfsnn.network.graph import Graph
from tfsnn.record import Ledger


@dataclass(frozen=True)
class Preset:
    """What elementary operations are taken to cost, in picojoules.

    Parameters
    ----------
    name
        What is assumed, in a few words.
    add, multiply, multiply_wide
        An addition, subtraction or comparison; the multiplication of a weight of 8 bits (or in float) by a number of 8
        bits, and by one of 16.
    bit
        Moving one bit between memory and arithmetic; 0 leaves memory out.
    mac_bits
        Bits that a multiply-accumulate of the ANN moves.
    weight_bits
        Bits of a weight.
    """

    name: str
    add: float
    multiply: float
    multiply_wide: float
    bit: float = 0.0
    mac_bits: int = 0
    weight_bits: int = 8


_SRAM = 10 / 64
# JETCAS section IV: 32 bits read and written again take 12 times an integer addition, 6 times a float one; DRAM 100 times as much.
_JETCAS_INT, _JETCAS_FLOAT, _DRAM = 12 * 0.1 / 64, 6 * 0.9 / 64, 100
PRESETS = (
    Preset("int8, arithmetic alone", 0.1, 0.2, 0.4),
    Preset("float32, arithmetic alone", 0.9, 3.7, 3.7),
    Preset("int8 and memory, the ANN adds up in registers", 0.1, 0.2, 0.4, _SRAM, 16),
    Preset("int8 and memory, every operand from memory", 0.1, 0.2, 0.4, _SRAM, 80),
    Preset("int8, SRAM at JETCAS's ratio", 0.1, 0.2, 0.4, _JETCAS_INT, 80),
    Preset("int8, DRAM at JETCAS's ratio", 0.1, 0.2, 0.4, _JETCAS_INT * _DRAM, 80),
    Preset("float32, SRAM at JETCAS's ratio", 0.9, 3.7, 3.7, _JETCAS_FLOAT, 128, 32),
    Preset("float32, DRAM at JETCAS's ratio", 0.9, 3.7, 3.7, _JETCAS_FLOAT * _DRAM, 128, 32),
)
ENERGY_ASSUMPTIONS = (
    "Energies: M. Horowitz, Computing's energy problem (and what we can do about it), ISSCC 2014: 45 nm, 0.9 V; "
    "additions 0.1 pJ (32-bit integer) and 0.9 pJ (float32), multiplications 0.2 pJ (8-bit) and 3.7 pJ (float32), "
    "64 bits of an 8 KB SRAM 10 pJ (32 KB: twice, 1 MB: ten times as much).",
    "A synaptic operation is one addition; graded spikes add one 8-bit multiplication, valued and direct spikes "
    "(16 bits) two. It moves 72 bits: a weight of 8, a state of 32 there and back.",
    "A neuron check is two additions and 32 bits; a sent spike one addition, 32 bits of state, and 64 bits into a "
    "queue and out again; a comparison of encoder or max pooling one addition and 32 bits.",
    "A multiply-accumulate of the ANN moves 16 bits (weight and activation of 8) or, as JETCAS section IV assumes, "
    "also its sum of 32 there and back; finding zeros is free, and so is writing results.",
    "JETCAS section IV gives ratios instead: reading and writing 32 bits of on-chip SRAM takes 12 times a fixed-point addition of 32 bits "
    "and 6 times a floating-point one, off-chip DRAM 100 times the SRAM; with float32 a weight has 32 bits and a "
    "multiply-accumulate moves 128.",
    "The density below which events win is the number of synaptic operations a multiply-accumulate at which both take the same "
    "energy, checks, spikes and comparisons taken to grow with the operations as measured.",
    "Left out on both sides: clocks, control, wires between cores, leakage, the simulation itself. Estimates to "
    "compare, not measurements.",
)


def energy(preset: Preset, ledger: Ledger, frames: int, spikes: str, encoder_comparisons: int) -> float:
    """Nanojoules that the event-driven network takes for a frame; :data:`ENERGY_ASSUMPTIONS` has the model.

    Parameters
    ----------
    preset
        One of :data:`PRESETS`.
    ledger
        What was done, over all frames.
    frames
        How many there were.
    spikes
        Their kind.
    encoder_comparisons
        Pixels compared in a frame.
    """
    scaling = {"signed": 0.0, "graded": preset.multiply}.get(spikes, preset.multiply_wide)
    costs = (
        (ledger.synaptic_operations, preset.add + scaling + (64 + preset.weight_bits) * preset.bit),
        (ledger.checks, 2 * preset.add + 32 * preset.bit),
        (ledger.sent, preset.add + 160 * preset.bit),
        (ledger.comparisons, preset.add + 32 * preset.bit),
    )
    total = sum(float(counts.sum()) * cost for counts, cost in costs)
    return (total / frames + encoder_comparisons * (preset.add + 32 * preset.bit)) / 1000


def mac_energy(preset: Preset, macs: float) -> float:
    """Nanojoules of so many multiply-accumulates of an ANN."""
    return macs * (preset.multiply + preset.add + preset.mac_bits * preset.bit) / 1000


def break_even(preset: Preset, energy_a_frame: float, operations: float) -> float | None:
    """Synaptic operations for each multiply-accumulate of the ANN at which both take the same energy; None without operations.

    Parameters
    ----------
    preset
        One of :data:`PRESETS`.
    energy_a_frame, operations
        Nanojoules of the event network, all included, and its synaptic operations.

    Examples
    --------
    >>> round(break_even(PRESETS[0], 0.2, 1000), 3)
    1.5
    """
    return mac_energy(preset, operations) / energy_a_frame if operations and energy_a_frame else None


def encoder_comparisons(graph: Graph) -> int:
    """Pixels that the encoders compare with their threshold in a frame: every one."""
    return sum(prod(node.shape) for node in graph.inputs)
