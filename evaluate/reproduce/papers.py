"""The steps of each paper: train, convert, evaluate by the commands themselves, then the tables and figures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tfsnn.aliases import PathLike

from . import figures, tables
from .published import AICAS_1, JETCAS_1, JETCAS_2, Published
from .steps import Step, read_json

PAPERS = ("aicas2019", "jetcas2019")
SETTINGS = (
    *("--absolute", "--spikes", "signed", "--schedule", "spike"),
    *("--initial", "bias", "--spiking-output", "--bins", "0"),
)
"""Of the papers' MNIST experiments."""
POOLING = ("--pooling", "synapse")
"""The papers' pooling has no neurons; at thresholds as coarse as theirs for gestures, means that have some would hardly
send."""
MNIST_THRESHOLDS, FEW_THRESHOLDS = "1,1.5,2", "0.03,0.05,0.075,0.1,0.125,0.15,0.2"
GESTURE_THRESHOLDS = "64,96,128,192,256"
WINDOWS = {"gesture_small": "64,128,256,512,whole"}
STEERING = {"road_small": "pilotnet_small"}
GESTURES = {"gesture_small": "gesture_small", "gesture": "gesture", "gesture_generated": "gesture_generated"}
"""Recipes by data set; any other drive is learnt by the paper's own PilotNet. Generated gestures are shorter than the
paper's window."""
THRESHOLD_NOTE = (
    "What a threshold of 1.0 means depends on how large a network's activations are, which the papers do not say: "
    "compare rows at equal spikes per neuron."
)
COUNTING_NOTE = (
    "Spikes per neuron divide by all neurons, pixels included; pixels send one spike at most, or none where the input "
    "is analog. Average pooling is part of the synapse behind it and has no neurons, as in the papers' count of 15k."
)
MACS_NOTE = (
    "The papers give 455K multiply-accumulates for the dense network and forget the 16 input channels of the second "
    "convolution; the true count is 1,043,712, or 914,496 without border taps."
)
CODING_NOTE = (
    "Rate coding and time to first spike run here on the same net.snn.h5 (int8 weights) with analog input, as "
    "Rueckauer et al. describe them; the papers ran the authors' toolbox on the float network."
)
ROUNDING_NOTE = (
    "The quantized ANN rounds down, o = T floor(f(x) / T), as Eq. 6 of JETCAS has it. The papers do not say how theirs "
    "rounds; it loses less at T = 2.0 (96.44 %, AICAS) than any network here that sends as few spikes."
)
MNIST_NOTES = (THRESHOLD_NOTE, ROUNDING_NOTE, COUNTING_NOTE, MACS_NOTE, CODING_NOTE)
GRID_NOTE = "A threshold is in steps of the int8 weight grid (--lsb), as in JETCAS III-C."
MEMORY_FILES = tables.files_of("memory")


@dataclass(frozen=True)
class Options:
    """What a user may choose.

    Parameters
    ----------
    seeds
        How many networks are trained for the MNIST rows.
    data
        Data set in place of MNIST: a name or a file.
    data_dir
        Where data sets lie.
    epochs
        Of every training, in place of the recipe's.
    samples
        Test samples at most.
    steering, gestures
        Data sets of these experiments, by name or folder.
    """

    seeds: int = 1
    data: str = "mnist"
    data_dir: PathLike | None = None
    epochs: int | None = None
    samples: int | None = None
    steering: str = "road_small"
    gestures: str = "gesture_small"

    @property
    def given(self) -> tuple[str, ...]:
        """Words of a command that change no result."""
        return () if self.data_dir is None else ("--data-dir", str(self.data_dir))

    @property
    def trained(self) -> tuple[str, ...]:
        """Words of a training."""
        return () if self.epochs is None else ("--epochs", str(self.epochs))

    @property
    def taken(self) -> tuple[str, ...]:
        """Words of an evaluation."""
        return () if self.samples is None else ("--samples", str(self.samples))

    def labels(self, data: str, usual: str) -> list[str]:
        """Sentences on what is not as in the paper."""
        other = f"IN PLACE OF {usual}: {Path(data).name}. These rows do not speak of the paper's data."
        found = [] if data == usual else [other]
        found += [] if self.epochs is None else [f"TRAINED FOR {self.epochs} EPOCHS in place of the recipe's."]
        return found + ([] if self.samples is None else [f"ON THE FIRST {self.samples:,} TEST SAMPLES."])


def steps_of(paper: str, options: Options) -> list[Step]:
    """All steps of a paper, each behind those that it reads from.

    Parameters
    ----------
    paper
        One of :data:`PAPERS`.
    options
        What the user chose.
    """
    return _aicas(options) if paper == "aicas2019" else _jetcas(options)


def results_of(steps: Sequence[Step]) -> list[str]:
    """Names of the tables and figures among steps."""
    return [step.name for step in steps if step.write is not None]


def _aicas(options: Options) -> list[Step]:
    seeds = range(options.seeds)
    networks = [_network(f"seed{seed}", "mnist_aicas", options.data, seed, options, *POOLING) for seed in seeds]
    evaluated = [_in_papers_settings(f"seed{seed}", *network, options) for seed, network in enumerate(networks)]
    steps = [step for network, found in zip(networks, evaluated) for step in (*network, found)]
    report, frame, *_ = evaluated[0].outputs
    over_time = partial(_within, ("time", "spikes_per_neuron"))
    return [
        *steps,
        _table_1("AICAS Table I: MNIST", AICAS_1, steps, evaluated, [], options),
        _drawing("fig1", "AICAS Fig. 1: hysteresis quantization", figures.hysteresis),
        Step("fig2", "fig2.png", (frame,), write=partial(_copied, frame), title="AICAS Fig. 2: one frame"),
        _figure("fig3", "AICAS Fig. 3: accuracy over time and spikes", report, over_time),
        _figure("fig4", "AICAS Fig. 4: accuracy over operations", report, partial(_within, ("operations",))),
    ]


def _jetcas(options: Options) -> list[Step]:
    steps, evaluated, few = [], [], []
    for seed in range(options.seeds):
        network = _network(f"seed{seed}", "mnist_jetcas", options.data, seed, options, *POOLING)
        evaluated.append(_in_papers_settings(f"seed{seed}", *network, options))
        sparse = _network(f"few{seed}", "mnist", options.data, seed, options, "--bins", "1")
        few.append(_evaluated(f"few{seed}", *sparse, ("--thresholds", FEW_THRESHOLDS), options))
        steps += [*network, evaluated[-1], *sparse, few[-1]]
    report = evaluated[0].outputs[0]
    drive, hands = _steering(options), _gestures(options)
    networks = {"mnist": steps[:2], "steering": drive[:2], "gestures": hands[:2]}
    nets = {name: convert.out for name, (_, convert) in networks.items()}
    commands = [step.command for network in networks.values() for step in network]
    memory = partial(_memory, nets, commands, options)
    return [
        *steps,
        _table_1("JETCAS Table I: MNIST", JETCAS_1, steps, evaluated, few, options),
        _drawing("fig2", "JETCAS Fig. 2: direct and hysteresis quantization", figures.direct_and_hysteresis),
        _figure("fig3", "JETCAS Fig. 3: accuracy over operations", report, partial(_within, ("operations",))),
        *drive,
        _figure("fig4", "JETCAS Fig. 4: steering, frame by frame", drive[-1].outputs[0], figures.steering),
        _figure("fig5", "JETCAS Fig. 5: operations, frame by frame", drive[-1].outputs[0], figures.operations),
        *hands,
        _table_2(hands, options),
        _figure("fig6", "JETCAS Fig. 6: gestures by threshold", hands[-1].outputs[0], figures.thresholds),
        _figure("fig7", "JETCAS Fig. 7: gestures by window", hands[-1].outputs[0], figures.lengths),
        Step("memory", "memory", tuple(nets.values()), files=MEMORY_FILES, write=memory),
    ]


def _network(name: str, recipe: str, data: str, seed: int, options: Options, *settings: str) -> tuple[Step, Step]:
    """A network trained and converted."""
    model, net, given = f"{name}/train/model.h5", f"{name}/net.snn.h5", options.given
    file = Path(data) if Path(data).is_file() else None
    line = ("train", recipe, "--data", data, "--seed", str(seed), *options.trained)
    train = Step(f"train-{name}", f"{name}/train", line=line, files=("model.h5", "train.json"), given=given, data=file)
    line = ("convert", model, "--calibrate", data, *settings)
    return train, Step(f"convert-{name}", net, (model,), line, given=given, data=file)


def _in_papers_settings(name: str, train: Step, convert: Step, options: Options) -> Step:
    baselines = ("--baselines", "rate:15,rate:25,ttfs")
    return _evaluated(name, train, convert, ("--thresholds", MNIST_THRESHOLDS, *SETTINGS, *baselines), options)


def _evaluated(name: str, train: Step, convert: Step, settings: Sequence[str], options: Options) -> Step:
    line = ("evaluate", convert.out, "--data", options.data, "--model", train.outputs[0], *settings, *options.taken)
    # Beside the model, train.json says which frames a threshold may be chosen on.
    inputs, files = (convert.out, *train.outputs), ("report.json", "frame.png")
    return Step(f"evaluate-{name}", f"{name}/report", inputs, line, files, options.given, train.data)


def _steering(options: Options) -> tuple[Step, ...]:
    """Train, convert, evaluate on a drive, frame by frame: one threshold for all layers and the input (JETCAS III-B)."""
    recipe = STEERING.get(options.steering, "pilotnet")
    encoding = ("--encode", "delta", "--encode-threshold", "0.02")
    network = _network("steering", recipe, options.steering, 0, options, *encoding)
    model, net = network[0].outputs[0], network[1].out
    line = ("evaluate", net, "--data", options.steering, "--stream", "--model", model, *options.taken)
    found = Step("evaluate-steering", "steering/report", (net, model), line, ("streams.json",), options.given)
    return (*network, found)


def _gestures(options: Options) -> tuple[Step, ...]:
    network = _network("gestures", GESTURES.get(options.gestures, "gesture"), options.gestures, 0, options, *POOLING)
    windows = WINDOWS.get(options.gestures, "64,128,256,512,896,whole")
    settings = ("--windows", windows, "--thresholds", GESTURE_THRESHOLDS, "--lsb")
    line = ("evaluate", network[1].out, "--data", options.gestures, *settings)
    found = Step("evaluate-gestures", "gestures/windows", (network[1].out,), line, ("windows.json",), options.given)
    return (*network, found)


def _figure(name: str, title: str, report: str, draw: Callable[[figures.Report, Path], None]) -> Step:
    def write(folder: Path, place: Path) -> None:
        draw(read_json(folder / report), place)

    return Step(name, f"{name}.png", (report,), write=write, title=title)


def _drawing(name: str, title: str, draw: Callable[[Path], None]) -> Step:
    """A figure that needs no data."""
    return Step(name, f"{name}.png", write=lambda folder, place: draw(place), title=title)


def _within(quantities: Sequence[str], report: figures.Report, place: Path) -> None:
    figures.within_frame(report, place, quantities)


def _copied(name: str, folder: Path, place: Path) -> None:
    place.write_bytes((folder / name).read_bytes())


def _table_1(
    title: str,
    rows: Sequence[Published],
    steps: Sequence[Step],
    evaluated: Sequence[Step],
    few: Sequence[Step],
    options: Options,
) -> Step:
    reports, sparse = [step.outputs[0] for step in evaluated], [step.outputs[0] for step in few]
    notes = [*options.labels(options.data, "mnist"), *MNIST_NOTES]

    def write(folder: Path, place: Path) -> None:
        found, others = tables.load(folder, reports), tables.load(folder, sparse)
        tables.mnist("table1", title, rows, found, others, notes, [step.command for step in steps]).write(place)

    return Step("table1", "table1", (*reports, *sparse), files=tables.files_of("table1"), write=write)


def _table_2(hands: Sequence[Step], options: Options) -> Step:
    report = hands[-1].outputs[0]
    generated = "" if options.gestures == "gesture" else f"{Path(options.gestures).name} IN PLACE OF DVS128 Gesture"
    notes = [*options.labels(options.gestures, "gesture"), GRID_NOTE]

    def write(folder: Path, place: Path) -> None:
        commands = [step.command for step in hands]
        tables.gestures(JETCAS_2, read_json(folder / report), generated, notes, commands).write(place)

    return Step("table2", "table2", (report,), files=tables.files_of("table2"), write=write)


def _memory(nets: dict[str, str], commands: Sequence[str], options: Options, folder: Path, place: Path) -> None:
    steering, gestures = options.steering not in STEERING, options.gestures != "gesture_small"
    same = {"mnist": True, "steering": steering, "gestures": gestures}
    tables.memory({name: folder / net for name, net in nets.items()}, same, commands).write(place)
