"""The rules of the house hold for the whole tree, and every checker has been seen to fail."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import re
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import pytest

import tfsnn
from tests import house
from tests.house import ROOT, Source

SOURCES = house.sources()


@pytest.mark.parametrize("check", house.CHECKS, ids=lambda check: check.__name__)
def test_tree(check: house.Check) -> None:
    assert [f"{source.path}: {problem}" for source in SOURCES for problem in check(source)] == []


def documented(signature: str, entry: str) -> str:
    """A function or class whose docstring documents ``entry``."""
    head, _, body = signature.partition(":")
    section = f"Parameters\n    ----------\n    {entry}\n        Text."
    return f'{head}:\n    """F.\n\n    {section}\n    """\n    {body.strip()}'


BAD = {
    "too_long": ("tfsnn/x.py", "pass\n" * 401, "401 lines"),
    "no_future": ("tfsnn/x.py", '"""M."""\nimport os', "lacks 'from __future__"),
    "prints": ("tfsnn/x.py", "print(1)", "prints"),
    "asserts": ("convert/x.py", "assert x, 'no'", "raise an error"),
    "unread_messages": ("tests/test_x.py", "with pytest.raises(ValueError): f()", "without match="),
    "broad_excepts": ("tfsnn/x.py", "try: f()\nexcept (KeyError, Exception): pass", "catches everything"),
    "names_of_stages": ("tests/test_x.py", "import convert.reader", "called tfsnn.convert"),
    "eager_imports": ("train/x.py", "try: pass\nexcept KeyError:\n    from keras import ops", "imports keras at once"),
    "kernel_imports": ("tfsnn/compiled/kernel/loop.py", "def f():\n    from tfsnn.plan import Plan", "allowed are"),
    "unfilled": ("tfsnn/x.py", "raise BadLayer('layer {name}: ' f'{x}')", "placeholder {name}"),
    "undocumented": ("tfsnn/x.py", documented("def f(a, b):", "a"), "takes"),
}
MORE_BAD = [
    ("no_future", "tfsnn/x.py", "from __future__ import annotations", "lacks a docstring"),
    ("prints", "evaluate/plots.py", "import sys\nsys.stdout.write('x')", "prints"),
    ("unread_messages", "tests/test_x.py", "with pytest.warns(UserWarning): f()", "without match="),
    ("broad_excepts", "tfsnn/x.py", "try: f()\nexcept: pass", "catches everything"),
    ("broad_excepts", "tfsnn/x.py", "with contextlib.suppress(Exception): f()", "catches everything"),
    ("names_of_stages", "tfsnn/x.py", "import_module('tfsnn.convert.read.read')", "open a stage by name"),
    ("names_of_stages", "train/x.py", "from ..convert import reader", "relative import"),
    ("names_of_stages", "tfsnn/x.py", "from .plan import Plan", "relative import"),
    ("eager_imports", "tfsnn/x.py", "class A:\n    import numba", "imports numba at once"),
    ("unfilled", "convert/x.py", "problems.append('layer {layer.name!r:>3}')", "placeholder {layer.name!r:>3}"),
    ("undocumented", "tfsnn/x.py", documented("class A: a: int", "b"), "['a']"),
    ("undocumented", "tfsnn/x.py", documented("def f(a):", "a : int"), "names only"),
]


@pytest.mark.parametrize(("name", "path", "text", "problem"), [(name, *bad) for name, bad in BAD.items()] + MORE_BAD)
def test_check_fails(name: str, path: str, text: str, problem: str) -> None:
    found = list(getattr(house, name)(Source(path, text)))
    assert len(found) == 1 and problem in found[0]


GOOD = [
    ("prints", "tfsnn/__main__.py", "print(1)"),
    ("asserts", "tests/test_x.py", "assert x"),
    ("names_of_stages", "convert/x.py", "from .reader import read\nfrom tfsnn.graph import Graph"),
    ("names_of_stages", "tests/test_x.py", "from tfsnn.convert.reader import read"),
    ("eager_imports", "train/x.py", "if TYPE_CHECKING:\n    import keras\ndef f():\n    import keras"),
    ("eager_imports", "tfsnn/compiled/kernel/loop.py", "import numba"),
    ("unfilled", "tfsnn/x.py", "raise InputError('{a}'.format(a=1) + f'{x}' + '{}' + '{\"a\": 1}')"),
    ("undocumented", "tfsnn/x.py", documented("def f(self, a, *b, c=1):", "a, *b, c")),
]


@pytest.mark.parametrize(("name", "path", "text"), GOOD)
def test_check_passes(name: str, path: str, text: str) -> None:
    assert list(getattr(house, name)(Source(path, text))) == []


def test_every_check_has_a_bad_example() -> None:
    assert set(BAD) == {check.__name__ for check in house.CHECKS}


def test_layout() -> None:
    assert house.misplaced(house.files()) == []
    assert house.untested(house.files()) == []


def test_layout_fails() -> None:
    bad = ["notes.txt", "tfsnn/deep/x.py", "train/weights.h5"]
    assert house.misplaced([*bad, "tfsnn/x.py"]) == bad
    tests = ["tests/test_z.py", "tests/plan/test_plan.py", "tests/convert/test_y.py", "tests/convert/read/test_x.py"]
    assert house.untested(["tfsnn/z.py", "tfsnn/plan/x.py", "convert/y.py", "convert/read/x.py", *tests]) == []
    assert house.untested(["tfsnn/x.py", "tfsnn/network/z.py", "train/y.py", "convert/read/y.py", *tests]) == [
        "tfsnn/x.py: no tests/test_x.py",
        "tfsnn/network/z.py: no tests/network/test_z.py",
        "train/y.py: no tests/train/test_y.py",
        "convert/read/y.py: no tests/convert/read/test_y.py",
    ]


@pytest.mark.parametrize("path", house.files())
def test_words(path: str) -> None:
    if path != "LICENSE" and not path.startswith("tests/golden/") and not path.endswith(".png"):
        assert house.forbidden_words((ROOT / path).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("text", ["TO" "DO", "raise NotImple" "mentedError", "# pragma: no" " cover", '"/' 'home/me"'])
def test_words_fail(text: str) -> None:
    assert len(house.forbidden_words(text)) == 1


def lint(tree: Path) -> subprocess.CompletedProcess[str]:
    # Without the finders of an editable install, which may answer for tfsnn before the tree at hand does.
    code = (
        "import sys; sys.meta_path[:] = [finder for finder in sys.meta_path if finder.__module__.startswith('_frozen')]; "
        "from importlinter.cli import lint_imports; sys.exit(lint_imports(sys.argv[1], no_cache=True))"
    )
    command = [sys.executable, "-c", code, str(ROOT / "setup.cfg")]
    return subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)


def test_contracts(tmp_path: Path) -> None:
    house.install_layout(tmp_path)
    done = lint(tmp_path)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("module", "line", "problem"),
    [
        ("tfsnn/input/events", "import tfsnn.network.graph", "tfsnn.input.events -> tfsnn.network.graph"),
        ("tfsnn/network/ops", "import tfsnn.network.graph", "tfsnn.network.ops -> tfsnn.network.graph"),
        ("tfsnn/network/graph", "def f():\n    from tfsnn.train import fit", "tfsnn.network.graph -> tfsnn.train"),
        ("tfsnn/convert/quantize", "from tfsnn.train import fit", "tfsnn.convert.quantize -> tfsnn.train"),
        ("tfsnn/evaluate/workload", "from ..convert import check", "tfsnn.evaluate.workload -> tfsnn.convert"),
        ("tfsnn/convert/lower/chains", "from .driver import lower", "tfsnn.convert.lower.chains -> tfsnn.convert.lower.driver"),
        ("tfsnn/stranger", "", "- tfsnn.stranger"),
        ("tfsnn/plan/stranger", "", "- tfsnn.plan.stranger"),
    ],
)
def test_contracts_fail(tmp_path: Path, module: str, line: str, problem: str) -> None:
    house.install_layout(tmp_path)
    path = tmp_path / f"{module}.py"
    text = path.read_text() if path.exists() else ""
    path.unlink(missing_ok=True)
    path.write_text(f"{text}\n{line}\n")
    done = lint(tmp_path)
    assert done.returncode == 1 and problem in done.stdout


def test_the_tree_shows_every_folder_its_rule_and_its_floors() -> None:
    shown = house.tree()
    assert [line.split(":")[0] for line in shown.splitlines() if line and line[0] not in " R"] == house.INSTALLED
    assert "tfsnn/network: The network as data" in shown and "Rule: knows no threshold and no grid." in shown
    network = shown.split("tfsnn/network: ")[1].split("\n\n")[0]
    assert network.splitlines()[2:] == ["    forward", "    room", "    graph", "    nodes", "    arithmetic | check | fanout", "    ops"]


def test_doctests_of_the_stages() -> None:
    for stage in house.STAGES:
        package = importlib.import_module(f"tfsnn.{stage}")
        for module in pkgutil.walk_packages(package.__path__, f"tfsnn.{stage}."):
            flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
            assert doctest.testmod(importlib.import_module(module.name), optionflags=flags).failed == 0, module.name


def test_public_names() -> None:
    for name in tfsnn.__all__:
        assert getattr(tfsnn, name).__doc__, f"tfsnn.{name} lacks a docstring"


def test_version() -> None:
    config = ConfigParser()
    config.read(ROOT / "setup.cfg")
    latest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert latest and latest.group(1) == config["metadata"]["version"]
