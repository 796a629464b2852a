"""The whole evaluation, from a file on disk to what lies in the directory afterwards."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.convert_parts import sequential
from tests.evaluate_parts import dataset, net, pixels
from tfsnn import artifact
from tfsnn.errors import FileError, InputError
from tfsnn.evaluate import pipeline
from tfsnn.evaluate.command import summary
from tfsnn.evaluate.pipeline import THRESHOLDS, evaluate
from tfsnn.input.encoder import Encoder
from tfsnn.plan.plan import Plan
from tfsnn.plan.settings import UNITS
from tfsnn.simulate import prepare
from tfsnn.stage.provenance import digest
from tfsnn.stage.terminal import counting

PICTURES = {"frame.png", "layers.png", "accuracy_operations.png", "accuracy_spikes.png", "accuracy_time.png"}
SETTINGS: dict[str, Any] = {"thresholds": (0.5, 0.1), "unit": "absolute"}


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    """A network in a file."""
    artifact.save(net(), tmp_path / "dots.snn.h5")
    return tmp_path / "dots.snn.h5"


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_what_is_written(stored: Path, tmp_path: Path) -> None:
    found = evaluate(stored, data=dataset(), out=tmp_path / "deep" / "report", **SETTINGS)
    out = tmp_path / "deep" / "report"
    assert set(left(out)) == PICTURES | {"report.json", "report.html"}
    assert json.loads((out / "report.json").read_text(encoding="utf-8")) == found
    html = (out / "report.html").read_text(encoding="utf-8")
    assert html.count("<figure>") >= 4 and "event by event" in html
    assert all(pixels(out / name) for name in PICTURES)
    assert [row["threshold"] for row in found["rows"]] == [0.1, 0.5]
    assert found["inputs"]["dots.snn.h5"] == hashlib.sha256(stored.read_bytes()).hexdigest()
    assert found["provenance"] == {"command": "convert"}


def test_command_that_does_it_again(stored: Path, tmp_path: Path) -> None:
    settings = SETTINGS | {
        "samples": 5,
        "bins": 2,
        "spiking_output": True,
        "spikes": "signed",
        "schedule": "spike",
        "initial": "bias",
    }
    found = evaluate(stored, data=dataset(), out=tmp_path / "my report", **settings)
    assert found["command"] == (
        "tfsnn evaluate dots.snn.h5 --data dots --out 'my report' --thresholds 0.1,0.5 --absolute --spiking-output "
        "--spikes signed --schedule spike --initial bias --samples 5 --bins 2"
    )
    assert (found["dataset"]["samples"], found["dataset"]["available"], found["encoder"]["bins"]) == (5, 12, 2)


def test_thresholds_are_not_rounded(stored: Path, tmp_path: Path) -> None:
    found = evaluate(stored, data=dataset(), out=tmp_path / "report", thresholds=(0.123456789, 0.1 + 0.2, 2), unit="absolute")
    assert "--thresholds 0.123456789,0.30000000000000004,2 " in found["command"]


def test_no_path_of_this_machine_is_written(stored: Path, tmp_path: Path) -> None:
    split = dataset().test
    np.savez(tmp_path / "dots.npz", x=split.x, y=split.y)
    found = evaluate(stored, data=tmp_path / "dots.npz", out=tmp_path / "deep" / "report", **SETTINGS)
    assert found["dataset"]["name"] == "dots.npz" and "--data dots.npz --out report" in found["command"]
    for name in ("report.json", "report.html"):
        assert str(tmp_path) not in (tmp_path / "deep" / "report" / name).read_text(encoding="utf-8")


def test_compiling_is_no_progress(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything is compiled before the first bar begins."""
    order: list[str] = []

    def compiled(plan: Plan) -> None:
        order.append("compiled")
        prepare(plan)

    def counted(name: str, total: int) -> Any:
        order.append(name)
        return counting(name, total)

    monkeypatch.setattr(pipeline, "prepare_engine", compiled)
    monkeypatch.setattr(pipeline, "counting", counted)
    evaluate(net(), data=dataset(), out=tmp_path / "out", **SETTINGS)
    assert order == ["compiled", "compiled", "simulating", "baselines"]


def test_model_and_choice_in_the_command(stored: Path, tmp_path: Path) -> None:
    model = sequential((3, 3, 1), "Flatten()", "Dense(2)")
    model.save(tmp_path / "mine.h5")
    settings = SETTINGS | {"model": tmp_path / "mine.h5", "select_on": "test", "margin": 2.5}
    found = evaluate(stored, data=dataset(), out=tmp_path / "out", **settings)
    assert "--model mine.h5 --select-on test --margin 2.5" in found["command"] and found["headline"]["margin"] == 2.5
    first = found["baselines"]["original"]
    assert (first["name"], first["converted_from_it"], first["keras"]) == ("mine.h5", False, True)
    assert first["sha256"] == hashlib.sha256((tmp_path / "mine.h5").read_bytes()).hexdigest()


def test_same_again(stored: Path, tmp_path: Path) -> None:
    first, second = (evaluate(stored, data=dataset(), out=tmp_path / name, **SETTINGS) for name in ("a", "b"))
    for found in (first, second):
        found |= {"time": "", "command": "", "speed": None}
        for row in found["rows"]:
            row["seconds"] = 0
    assert first == second


def test_frames_have_the_digest_that_a_training_writes_down(stored: Path, tmp_path: Path) -> None:
    found = evaluate(stored, data=dataset(), out=tmp_path / "report", **SETTINGS)
    assert found["inputs"]["dots, test samples taken"] == digest(*dataset().test)


def test_other_frames_have_another_hash(tmp_path: Path) -> None:
    found = [evaluate(net(), data=dataset(), out=tmp_path / f"{n}", samples=n, **SETTINGS)["inputs"] for n in (4, 5)]
    assert found[0].keys() == found[1].keys() == {"dots, test samples taken"} and found[0] != found[1]


def test_spiking_baselines(stored: Path, tmp_path: Path) -> None:
    found = evaluate(stored, data=dataset(), out=tmp_path / "report", baselines=["rate:200", "ttfs:4:0.5"], **SETTINGS)
    rate, ttfs = found["baselines"]["coded"]
    assert rate["words"] == "rate coding, 200 steps" and ttfs["words"] == "time to first spike, 4 in steps of 0.5"
    assert rate["accuracy_ci95"][0] < rate["accuracy"] < rate["accuracy_ci95"][1]
    # Of 22 neurons, 9 of them pixels, the 11 hidden ones fire at most; all 9 pixels reach 4 x 2 x 4 connections.
    assert 0 < ttfs["spikes_per_neuron"] <= 11 / 22 < rate["spikes_per_neuron"]
    assert rate["input_macs"] == ttfs["input_macs"] == 32 and rate["synaptic_operations"] > ttfs["synaptic_operations"] > 0
    assert "--baselines rate:200,ttfs:4:0.5" in found["command"]
    html = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    assert "rate coding, 200 steps" in html and "rate coding, 200 steps" in summary(found)


@pytest.mark.parametrize("name", ["rate:15:2", "ttfs:5", "rates", "rate:", "rate:many"])
def test_unknown_baselines(stored: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=f"evaluate: baseline '{name}'; give rate, rate:STEPS, ttfs or ttfs:DURATION:DT"):
        evaluate(stored, data=dataset(), out=tmp_path / "report", baselines=[name], **SETTINGS)
    assert not (tmp_path / "report").exists()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "baselines: a name is empty; give rate, rate:STEPS, ttfs or ttfs:DURATION:DT, with commas between them, or leave"),
        ("rate:0", "baseline 'rate:0': 0 clock steps; give a whole number from 1 to 1,048,576"),
        ("rate:1.5", "baseline 'rate:1.5': 1.5 clock steps; give a whole number"),
        ("ttfs:1:2", "baseline 'ttfs:1:2': 1 in steps of 2; give times above 0, a step no longer than all, 1,048,576 steps at most"),
        ("ttfs:nan:1", "baseline 'ttfs:nan:1': nan in steps of 1; give times above 0"),
    ],
)
def test_baselines_that_cannot_run(stored: Path, tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(InputError, match=f"evaluate: {message}"):
        evaluate(stored, data=dataset(), out=tmp_path / "report", baselines=["ttfs", name], **SETTINGS)
    assert not (tmp_path / "report").exists()


def test_stream(tmp_path: Path) -> None:
    encoder = Encoder("delta", scale=1 / 4, threshold=0.25)
    evaluate(net(encoder), data=dataset(encoder=encoder), out=tmp_path / "out", **SETTINGS)
    assert set(left(tmp_path / "out")) == PICTURES - {"frame.png", "accuracy_time.png"} | {"report.json", "report.html"}


def test_batches(tmp_path: Path) -> None:
    """Of a tf.data.Dataset as of arrays: the same figures and the same digest of the frames."""
    import tensorflow as tf

    x, y = dataset().test
    plain = evaluate(net(), data=dataset(), out=tmp_path / "arrays", **SETTINGS)
    found = evaluate(net(), data=tf.data.Dataset.from_tensor_slices((x, y)).batch(4), out=tmp_path / "batches", **SETTINGS)
    assert [row["accuracy"] for row in found["rows"]] == [row["accuracy"] for row in plain["rows"]]
    assert list(found["inputs"].values()) == list(plain["inputs"].values()) and found["dataset"]["name"] == "given data"
    part = evaluate(net(), data=((x[:3], y[:3]) for _ in range(10**9)), out=tmp_path / "endless", samples=5, **SETTINGS)
    assert part["dataset"]["samples"] == 5
    with pytest.raises(InputError, match="evaluate: data is a ndarray; give a data set by name, an .npz file, or batches of .x, y."):
        evaluate(net(), data=x, out=tmp_path / "x")
    with pytest.raises(InputError, match="evaluate: given data holds no labels; add y_test, or y for both splits"):
        evaluate(net(), data=[x], out=tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_one_output(tmp_path: Path) -> None:
    found = evaluate(net(outputs=1), data=dataset(numbers=True), out=tmp_path / "out", **SETTINGS)
    assert found["measure"] == "rmse" and "rmse_operations.png" in left(tmp_path / "out")


def test_nothing_is_overwritten(stored: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="out: is not empty already; choose another name, or overwrite with --force"):
        evaluate(stored, data=dataset(), out=tmp_path / "out", **SETTINGS)
    assert left(tmp_path / "out") == ["mine.txt"]
    evaluate(stored, data=dataset(), out=tmp_path / "out", force=True, **SETTINGS)
    assert {"mine.txt", "report.json"} <= set(left(tmp_path / "out"))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"thresholds": (0.1, float("nan"))}, "threshold is nan; it must be a positive number"),
        ({"thresholds": (0,)}, "threshold is 0; it must be a positive number"),
        ({"thresholds": ("low",)}, "threshold is 'low'; it must be a positive number"),
        ({"thresholds": ()}, "evaluate: no thresholds; give at least one positive number"),
        ({"unit": "yards", "thresholds": None}, "unit is 'yards'; choose one of relative, absolute, lsb"),
        ({"spikes": "loud"}, "spikes is 'loud'; choose one of signed"),
        ({"schedule": "never"}, "schedule is 'never'; choose one of slot, spike"),
        ({"initial": "chaos"}, "initial is 'chaos'; choose one of rest, bias"),
        ({"engine": "steam"}, "engine is 'steam'; choose one of"),
        ({"samples": 99}, "samples is 99; the test split of dots has 12"),
        ({"margin": -1}, "evaluate: margin is -1; give points from 0 to 100"),
        ({"margin": float("nan")}, "evaluate: margin is nan; give points from 0 to 100"),
        ({"select_on": "luck"}, "select_on is 'luck'; choose one of train, validation, held-out, test"),
        ({"select_on": "train"}, "the train split of dots holds the frames that are tested"),
    ],
)
def test_wrong_settings_leave_nothing(stored: Path, tmp_path: Path, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        evaluate(stored, data=dataset(), out=tmp_path / "out", **SETTINGS | settings)
    assert left(tmp_path) == ["dots.snn.h5"]


def test_no_network(tmp_path: Path) -> None:
    (tmp_path / "not.h5").write_text("no HDF5")
    for name in ("not.h5", "absent.h5"):
        with pytest.raises(FileError, match=rf"{name}"):
            evaluate(tmp_path / name, data=dataset(), out=tmp_path / "out")
    assert left(tmp_path) == ["not.h5"]


def test_failure_while_writing_leaves_nothing(stored: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object) -> str:
        raise OSError("the disk is full")

    monkeypatch.setattr("tfsnn.evaluate.report.page.render", fail)
    with pytest.raises(OSError, match="the disk is full"):
        evaluate(stored, data=dataset(), out=tmp_path / "out", **SETTINGS)
    assert left(tmp_path) == ["dots.snn.h5"]


def test_thresholds_tried_where_none_are_given() -> None:
    assert set(THRESHOLDS) == set(UNITS)
    assert all(len(tried) >= 8 and list(tried) == sorted(set(tried)) for tried in THRESHOLDS.values())


def test_thresholds_once_each_from_low_to_high(tmp_path: Path) -> None:
    tried: tuple[Any, ...] = (0.5, 0.1, np.float32(0.5), 1)
    found = evaluate(net(), data=dataset(), out=tmp_path / "out", thresholds=tried, unit="absolute")
    assert [row["threshold"] for row in found["rows"]] == [0.1, 0.5, 1.0]
    assert all(type(row["threshold"]) is float for row in found["rows"])
