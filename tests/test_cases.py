"""Small files that once took all memory, never ended, ended in a traceback or in a wrong number: each has its right outcome.

Every kind is made here anew; the files themselves, where there is a folder of them, are tried as well. All is run in a
process with limits on memory and time.
"""

from __future__ import annotations

import json
import os
import re
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.data_folder import cases
from tests.keras_files import numbers, sequential, write
from tests.limited import limited
from tests.nets import ONE, conv, dense, given, network, neurons
from tests.test_artifact import forged
from tfsnn.artifact import Net, save
from tfsnn.network.graph import Graph
from tfsnn.network.nodes import MaxPool, Neurons, Node, Synapse
from tfsnn.network.ops import Activation, AveragePool, Conv, Dense, OneToOne, Upsample

RUN = """
import numpy as np
import tfsnn
from tfsnn.errors import TfsnnError
def outcome(**settings):
    try:
        shape = (sum(int(np.prod(node.shape)) for node in net.graph.inputs),)
        count = min(5000, shape[0])
        events = tfsnn.Events(np.zeros(count, int), np.arange(count), np.ones(count, int), [0, count], shape)
        found = tfsnn.simulate(net, events, **settings, record=("state",))
    except TfsnnError as error:
        return f"{type(error).__name__}: {error}"
    return "ran: " + repr([np.asarray(values).tolist() for values in found.state.o])
try:
    net = tfsnn.load(sys.argv[1])
    str(net.graph)
except TfsnnError as error:
    print(f"{type(error).__name__}: {error}")
else:
    for schedule in sys.argv[3].split(","):
        found = [outcome(engine=engine, schedule=schedule) for engine in sys.argv[2].split(",")]
        print(found[0] if len({text.split(";")[0] for text in found}) == 1 else f"engines disagree: {found}")
"""
NARROW = r"plan: .*: the network's index maps, tables and states would take [\d.]+ GiB of memory, 1\.0 GiB may be taken; make the"
TAKES_ALL = f"^BudgetError: {NARROW}"
REFUSED = "^FileError: .*/graph: .*"
RANGE = "^RangeError: "
RUNS = "^ran: "
NETS = {
    "input_2e27": TAKES_ALL, "input_2e30": TAKES_ALL, "pool_2e30": TAKES_ALL, "upsample_2e14": TAKES_ALL,
    "const_chan": TAKES_ALL, "avgpool_2x2_20": TAKES_ALL, "stride_5000": RUNS, "stride_2e30": RUNS,
    "act_start_1e18": f"{REFUSED}start and top at most 2\\^52", "act_slope_1e300": f"{REFUSED}slope and alpha at most 2\\^20",
    "act_start_1e300": f"{REFUSED}start and top at most 2\\^52", "act_top_1e300": f"{REFUSED}start and top at most 2\\^52",
    "scale_1e-308": f"{REFUSED}scale is 1e-308; it must be a positive number", "scale_1e308": f"{REFUSED}scale is 1e\\+308",
    "thr_1e-320": f"{REFUSED}threshold is 1e-320; it must be a positive number",
    "thr_1e30": f"{RANGE}plan: a: a threshold of \\d+ grid steps",
    "fractional_pad": f"{REFUSED}Pad", "act_slope_string": f"{REFUSED}slope is '1.5'; expected a number",
    "colsum_overflow": f"({RANGE}|{RUNS})",
}  # fmt: skip


def ended(path: Path, engines: str = "compiled,eager", schedules: str = "slot,spike") -> str:
    found = limited(RUN, str(path), engines, schedules)
    assert found.code == 0 and "Traceback" not in found.err, found
    return found.out


@pytest.mark.parametrize("name", NETS)
def test_networks_of_the_folder(name: str) -> None:
    path = cases("nets") / f"{name}.snn.h5"
    for line in ended(path).splitlines():
        assert re.search(NETS[name], line), line


def lone(source: Any, shape: tuple[int, ...], op: Any, *relays: Any) -> Graph:
    """One population of one synapse whose weight is 1."""
    weight = np.ones((1,) if isinstance(op, OneToOne) else (9, 2), np.int8)
    return network(source, neurons("a", shape, Synapse(source.name, relays, op, weight, np.asarray(0.25, np.float32)), bias=0.0))


def pooled() -> Graph:
    image, most = given(3, 3, 1), (1 << 30) - 3
    pool = MaxPool("m", (1, 1, 1), "in", (1 << 30, 1 << 30), (1 << 30, 1 << 30), ((most, 0), (most, 0)))
    return network(image, pool, dense("o", pool, 2))


def strided(stride: int) -> Graph:
    image = given(3, 3, 1)
    first = conv("a", image, Conv(2, (1, 1), (stride, stride)))
    return network(image, first, dense("o", first, 2, f="linear"))


def heavy() -> Graph:
    """Weights whose sum into one target leaves 64 bits: the coarse synapse is on the grid of the fine one."""
    many, one = given(40000), given(1, name="j")
    coarse = Synapse("in", (), Dense(1), np.full((40000, 1), 127, np.int8), np.asarray(1, np.float32))
    fine = Synapse("j", (), Dense(1), np.ones((1, 1), np.int8), np.asarray(1e-13, np.float32))
    return network(many, one, neurons("a", (1,), coarse, fine, f="linear"))


KINDS: dict[str, tuple[Callable[[], Graph], str]] = {
    "a large input": (lambda: lone(given(1 << 27, 1, 1), (1 << 27, 1, 1), OneToOne()), TAKES_ALL),
    "upsampling": (lambda: lone(given(3, 3, 1), (49152, 24576, 1), OneToOne(), Upsample((16384, 8192))), TAKES_ALL),
    "average pools in a row": (lambda: lone(given(21, 21, 1), (1, 1, 1), OneToOne(), *[AveragePool((2, 2), (1, 1))] * 20), TAKES_ALL),
    "a window beyond its input": (pooled, TAKES_ALL),
    "a stride beyond its input": (lambda: strided(1 << 30), RUNS),
    "sums beyond 64 bits": (heavy, f"({RANGE}|{RUNS})"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_kinds_of_networks(kind: str, tmp_path: Path) -> None:
    make, outcome = KINDS[kind]
    save(Net(make()), tmp_path / "net.snn.h5")
    for line in ended(tmp_path / "net.snn.h5").splitlines():
        assert re.search(outcome, line), line


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"slope": 1e300}, "slope and alpha at most 2\\^20"),
        ({"slope": "1.5"}, "slope is '1.5'; expected a number"),
        ({"slope": True}, "slope is True; expected a number"),
        ({"start": 1e18}, "start and top at most 2\\^52"),
        ({"start": 10**400}, "start is 1000.*; expected a number below 2\\^31"),
        ({"top": 1e300}, "start and top at most 2\\^52"),
        ({"alpha": -1e30}, "slope and alpha at most 2\\^20"),
    ],
)
def test_settings_of_activations(settings: dict[str, Any], message: str, tmp_path: Path) -> None:
    from tfsnn.artifact import load
    from tfsnn.errors import FileError

    save(Net(strided(1)), tmp_path / "net.snn.h5")
    with pytest.raises(FileError, match=f"/graph: .*{message}"):
        load(forged(tmp_path / "net.snn.h5", lambda described: described["nodes"][1]["activation"].update(settings)))


def test_a_stride_of_the_whole_input_costs_what_exists() -> None:
    """224 x 224 phases, of which one has a tap: once half a minute."""
    from tfsnn.compiled.axes import windowed

    entries = windowed(224, 1, 1, 224, 0)
    assert entries.position.tolist() == [0] and sum(map(len, entries.taps)) == 1


PAYLOADS = """
import numpy as np
import tfsnn
from tfsnn.errors import TfsnnError
net = tfsnn.load(sys.argv[1])
events = tfsnn.Events(np.zeros(10, int), np.zeros(10, int), np.full(10, 2**31 - 1), [0, 10], net.graph.inputs[0].shape)
for settings in (dict(schedule="spike", spikes="signed"), dict(record=("events",), spikes="signed")):
    try:
        print("ran", len(tfsnn.simulate(net, events, threshold=1e-6, unit="absolute", **settings).outputs))
    except TfsnnError as error:
        print(f"{type(error).__name__}: {error}")
"""


def test_large_payloads_end_in_one_line(tmp_path: Path) -> None:
    image = given(4)
    save(Net(network(image, dense("a", image, 64), dense("o", dense("a", image, 64), 2, f="linear"))), tmp_path / "net.snn.h5")
    found = limited(PAYLOADS, str(tmp_path / "net.snn.h5"), budget="500M")
    assert found.code == 0, found
    for line in found.out.splitlines():
        assert re.search("^(BudgetError: simulate: .* would take .*; raise the threshold, send smaller payloads|RangeError)", line), line


def test_an_archive_that_unpacks_to_gigabytes(tmp_path: Path) -> None:
    header = "{'descr': '|u1', 'fortran_order': False, 'shape': (33554432, 8, 8, 1), }"
    header += " " * (-(len(header) + 11) % 64) + "\n"
    with zipfile.ZipFile(tmp_path / "bomb.npz", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        with archive.open("x.npy", "w", force_zip64=True) as file:
            file.write(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode())
            for _ in range(32):
                file.write(bytes(1 << 26))
        archive.writestr("y.npy", b"")
    code = "from tfsnn.__main__ import main; sys.exit(main(['evaluate', 'NET', '--data', sys.argv[1], '--out', sys.argv[2]]))"
    save(Net(network(given(8, 8, 1), dense("o", given(8, 8, 1), 2, f="linear"))), tmp_path / "net.snn.h5")
    paths = (str(tmp_path / name) for name in ("bomb.npz", "out", "net.snn.h5"))
    found = limited(code.replace("'NET'", "sys.argv[3]"), *paths, memory=3 << 30)
    message = r"error: .*bomb\.npz: array x would take 4\.0 GiB of memory, 1\.0 GiB may be taken"
    assert found.code == 2 and re.search(message, found.err), found
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bomb.npz", "net.snn.h5"]


NAMES = {
    "ansi": "\x1b[2J\x1b[31mOWNED\x1b]0;title\x07", "newline": "a\nerror: fake line\nb", "bidi": "a\u202egnp.b", "surrogate": "\ud800",
    "carriage": "a\r\x1b[Kok", "markup": "$\\frac{$", "html": "<script>alert(1)</script>",
}  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_names_of_layers_cannot_move_a_cursor(name: str, tmp_path: Path) -> None:
    """Of a kind that is not known, so that class and layer stand in the refusal; shown by two commands."""
    config = sequential((NAMES[name], {"units": 2, "batch_input_shape": [None, 2], "name": NAMES[name]}))
    write(tmp_path / "model.h5", config, {})
    code = "from tfsnn.__main__ import main; sys.exit(main([sys.argv[2], sys.argv[1], *sys.argv[3:]]))"
    for words in (("check",), ("convert", "--out", str(tmp_path / "net.snn.h5"))):
        found = limited(code, str(tmp_path / "model.h5"), *words)
        assert found.code in (1, 2) and "Traceback" not in found.err, found
        shown = found.out + found.err
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f\u202e]", shown) and "\nerror: fake" not in shown, shown


@pytest.mark.parametrize("name", ["bad_ansi", "bad_bidi", "bad_dot", "bad_newline", "bad_surrogate", "conv_strides_3000"])
def test_keras_files_of_the_folder(name: str, tmp_path: Path) -> None:
    code = "from tfsnn.__main__ import main; sys.exit(main(['check', sys.argv[1]]))"
    found = limited(code, str(cases("keras") / f"{name}.h5"))
    assert found.code in (0, 1, 2) and "Traceback" not in found.err, found
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f\u202e]", found.out + found.err) and "\nerror: fake" not in found.out + found.err


def test_lists_without_end_in_a_config_are_refused_at_once(tmp_path: Path) -> None:
    text = json.dumps(sequential(("Dense", {"units": 2, "batch_input_shape": [None, 2]})))[:-1] + ',"junk":[' + "[]," * 10_000_000 + "0]}"
    write(tmp_path / "model.h5", text, {"layer_0": [("layer_0/kernel:0", numbers(2, 2)), ("layer_0/bias:0", numbers(2))]})
    code = "from tfsnn.__main__ import main; sys.exit(main(['check', sys.argv[1]]))"
    found = limited(code, str(tmp_path / "model.h5"), memory=2 << 30, seconds=20)
    assert found.code == 2 and re.search(r"found 1000000\d lists and objects", found.err), found


def test_a_name_of_a_population_is_no_markup(tmp_path: Path) -> None:
    from tests.evaluate_parts import dataset, net
    from tfsnn.evaluate.pipeline import evaluate

    names = dict(zip(("first", "second", "out"), ("cost $\\frac{$ x", "\x1b[2Ja\nb", "<script>alert(1)</script>")))
    graph = net().graph
    nodes: list[Node] = []
    for node in graph.nodes:
        renamed = replace(node, name=names.get(node.name, node.name))
        if isinstance(renamed, Neurons):
            synapses = tuple(replace(s, source=names.get(s.source, s.source)) for s in renamed.synapses)
            renamed = replace(renamed, synapses=synapses)
        nodes.append(renamed)
    odd = Net(Graph(tuple(nodes), tuple(names[name] for name in graph.outputs)), {"command": "\x1b[2J"})
    evaluate(odd, data=dataset(), out=tmp_path / "out", thresholds=[0.5], unit="absolute")
    page = (tmp_path / "out" / "report.html").read_text()
    assert "\x1b" not in page and "<script>alert" not in page and "cost $\\frac{$ x" in page
    assert "\x1b" not in str(odd.graph) and len(str(odd.graph).splitlines()) == len(str(graph).splitlines())
    assert os.path.getsize(tmp_path / "out" / "frame.png") > 1000


def test_a_padded_convolution_is_what_it_was_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Patches are laid side by side block after block, so that a large image does not take nine times itself."""
    from tfsnn.network import arithmetic

    rng = np.random.default_rng(0)
    for groups in (1, 2):
        op = Conv(4, (3, 3), padding=ONE, groups=groups)
        weight, x = rng.integers(-9, 9, op.weight_shape((6, 5, 4))), rng.integers(-9, 9, (3, 120))
        whole = arithmetic.linear(op, weight, x, (6, 5, 4))
        monkeypatch.setattr(arithmetic, "PATCHES", 500)
        np.testing.assert_array_equal(arithmetic.linear(op, weight, x, (6, 5, 4)), whole)
        monkeypatch.undo()


def test_an_activation_that_bends_far_away_is_exact_or_refused() -> None:
    """Between the entries of a coarse table lies a product that must not leave 64 bits."""
    from tfsnn.errors import RangeError
    from tfsnn.plan.grid_function import on_grid

    for start in (10.0**power for power in range(0, 16)):
        for step in (1e-6, 1.0):
            try:
                f = on_grid(Activation("relu", start=start), (1,), step, "a")
            except RangeError:
                continue
            x = np.array([-5, 0, 5, round(start / step) * 2], np.int64)
            found = f(x)
            assert abs(int(found[3]) - int(x[3])) <= (1 << f.shift) + 2 and (found[:2] == 0).all(), (start, step)
