"""What the papers say, row by row, and which measurement of ours stands beside it.

AICAS: A. Yousefzadeh et al., *Conversion of Synchronous Artificial Neural Network to Asynchronous Spiking Neural Network using
sigma-delta quantization*, IEEE AICAS 2019, Table I and section III. JETCAS: A. Yousefzadeh, M. A. Khoei et al., *Asynchronous
Spiking Neurons, the natural key to exploit temporal sparsity*, IEEE JETCAS 2019, Tables I and II and sections III and IV.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Published:
    """A row of a table about MNIST or gestures; accuracies in percent, None where the paper gives none.

    Parameters
    ----------
    model, network
        What it is, and its layers.
    source
        Where the row stands, and whose work it is.
    ann, quantized, snn
        Accuracies.
    neurons, parameters
        As printed.
    spikes
        Mean number of spikes a frame and neuron.
    beside
        What is measured here to stand beside it: a threshold, or the name of a spiking baseline; None: the row is quoted.
    note
        Where what is measured differs from the row.
    window_ms
        Of gestures: the inference window.
    """

    model: str
    network: str
    source: str
    ann: float | None
    snn: float
    quantized: float | None = None
    neurons: str = ""
    parameters: str = ""
    spikes: float | None = None
    beside: float | str | None = None
    note: str = ""
    window_ms: float | None = None


TWO = "2xConv-2xFC"
OTHER = "the paper's row is of another network; measured on the network of the rows above"
RUECKAUER_17 = "Rueckauer et al., Front. Neurosci. 2017"
RUECKAUER_18 = "Rueckauer and Liu, ISCAS 2018"
DIEHL, STROMATIAS = "Diehl et al., IJCNN 2015", "Stromatias et al., Front. Neurosci. 2017"
WU, MOSTAFA = "Wu et al., Front. Neurosci. 2018", "Mostafa, IEEE TNNLS 2018"
MOSTAFA_17, SLAYER, DECOLLE = "Mostafa et al., ISCAS 2017", "SLAYER, Shrestha and Orchard, NeurIPS 2018", "DECOLLE, Kaiser et al., 2018"


def _own(source: str, *, quantized: bool) -> tuple[Published, ...]:
    """The rows that both papers measured themselves."""
    q1, q2 = (98.81, 96.44) if quantized else (None, None)
    here, there = f"{source}, this work", f"{source}, reproduced from {RUECKAUER_17}"
    return (
        Published("sigma-delta, T = 1.0", TWO, here, 99.21, 99.19, q1, "15k", "100k", 0.25, 1.0),
        Published("sigma-delta, T = 2.0", TWO, here, 99.21, 97.26, q2, "15k", "100k", 0.08, 2.0),
        Published("rate coding, 25 steps", TWO, there, 99.21, 99.18, None, "15k", "100k", 0.48, "rate:25"),
        Published("rate coding, 15 steps", TWO, there, 99.21, 98.80, None, "15k", "100k", 0.26, "rate:15"),
    )


def _ttfs(source: str) -> Published:
    whose = f"{source}, from {RUECKAUER_18}"
    return Published("time to first spike", "3xConv-2xFC", whose, 98.96, 98.57, None, "7.7k", "1.2M", 0.13, "ttfs", OTHER)


AICAS_1 = (
    *_own("AICAS Table I", quantized=True),
    _ttfs("AICAS Table I"),
    Published("time to first spike", "2xFC", f"AICAS Table I, from {RUECKAUER_18}", 98.50, 98.35, None, "1.4k", "476k", 0.07),
    Published("time to first spike", "2xFC", f"AICAS Table I, from {MOSTAFA_17}", 98.50, 96.98, None, "1.4k", "476k", 0.10),
    Published("rate coding", "2xConv-1xFC", f"AICAS Table I, from {DIEHL}", 99.14, 99.1, None, "5.1k", "50k", 19.25),
    Published("rate coding", "", f"AICAS Table I, from {RUECKAUER_17}", 99.44, 99.44, None, "8k", "1.2M"),
    Published("rate coding", "1xConv-1xFC", f"AICAS Table I, from {STROMATIAS}", 98.3, 98.32, None, "9.5k", "88k"),
    Published("rate coding", TWO, f"AICAS Table I, from {WU}", None, 99.42, None, "20.7k", "0.6M"),
    Published("time to first spike", "2xFC", f"AICAS Table I, from {MOSTAFA}", None, 97.55, None, "1.5k", "635k"),
)
JETCAS_1 = (
    *_own("JETCAS Table I", quantized=False),
    _ttfs("JETCAS Table I"),
    Published("time to first spike", "2xFC", f"JETCAS Table I, from {MOSTAFA_17}", 98.50, 96.98, None, "1.4k", "476k", 0.10),
    Published("rate coding", "2xConv-1xFC", f"JETCAS Table I, from {DIEHL}", 99.14, 99.1, None, "5.1k", "50k", 19.25),
    Published("SLAYER", "2xConv-1xFC", f"JETCAS Table I, from {SLAYER}", None, 99.36, None, "22k", "145k"),
    Published("DECOLLE", "3xConv-1xFC", f"JETCAS Table I, from {DECOLLE}", 99.09, 98.77, None, "19k", "73k"),
    Published("rate coding", "", f"JETCAS Table I, from {RUECKAUER_17}", 99.44, 99.44, None, "8k", "1.2M"),
    Published("rate coding", "1xConv-1xFC", f"JETCAS Table I, from {STROMATIAS}", 98.3, 98.32, None, "9.5k", "88k"),
    Published("rate coding", TWO, f"JETCAS Table I, from {WU}", None, 99.42, None, "20.7k", "0.6M"),
    Published("time to first spike", "2xFC", f"JETCAS Table I, from {MOSTAFA}", None, 97.55, None, "1.5k", "635k"),
)
JETCAS_2 = (
    Published("sigma-delta, T = 64", "4xConv", "JETCAS Table II, this work", 90.5, 95.24, None, "445K", "1.2M", None, 64.0, "", 896.0),
    Published("EEDN", "16xConv", "JETCAS Table II, from Amir et al., CVPR 2017", 93.06, 94.59, None, "286K", "19M", window_ms=80.0),
    Published("SLAYER", "8 layers", f"JETCAS Table II, from {SLAYER}", None, 93.64, window_ms=1500.0),
    Published("DECOLLE", "3xConv-1xFC", f"JETCAS Table II, from {DECOLLE}", None, 94.18, None, "95K", "1.4M", window_ms=1800.0),
)


@dataclass(frozen=True)
class Memory:
    """JETCAS section IV: bytes of state at 32 bits a neuron, and of weights at 8 bits."""

    network: str
    neurons: int
    state: int
    weights: int


MEMORY = {
    "mnist": Memory("MNIST", 15_000, 60_000, 100_000),
    "steering": Memory("PilotNet", 108_000, 432_000, 1_600_000),
    "gestures": Memory("hand gestures", 445_000, 1_780_000, 1_200_000),
}
PAPERS_OPERATIONS, PAPERS_ACCURACY = 600_000, 99.19
"""AICAS section III: fewer operations than this for the accuracy of the ANN."""
PILOTNET_SAVING, PILOTNET_SAVING_480 = 16, 140
"""JETCAS III-B: dense operations by those of events, at 10 frames a second and in a recording of 480."""
