"""What README, CONTRIBUTING and docs say is true of the code: examples run; commands, options, names and links exist."""

from __future__ import annotations

import argparse
import importlib
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import tfsnn
from tests.house import CONFIG, ROOT, files
from tfsnn import artifact
from tfsnn.__main__ import COMMANDS, main
from tfsnn.evaluate.report.content import FORMAT, FORMAT_VERSION
from tfsnn.train.recipes import RECIPES

DOCS = [path for path in files() if path.endswith(".md")]
TEXTS = {path: (ROOT / path).read_text(encoding="utf-8") for path in DOCS}
README = TEXTS["README.md"]
BLOCK = re.compile(r"(?P<runnable><!-- runnable -->\n)?^```(?P<language>\w*)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)
INDENTED = re.compile(r"^(?: {4}(?:tfsnn|make|python|\.venv/bin/\w+) .*\n(?: {8}.*\n)*)+", re.MULTILINE)
LINK = re.compile(r"\[[^\]]+\]\(([^)\s]+)\)")
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*")
# Options of the tools that the documents name beside tfsnn.
OTHER_OPTIONS = {"--no-cache", "--config", "--help", "--version", "--debug"}


class Example(NamedTuple):
    """A fenced block of code."""

    page: str
    language: str
    code: str
    runnable: bool


def examples() -> Iterator[Example]:
    for page, text in TEXTS.items():
        for match in BLOCK.finditer(text):
            yield Example(page, match["language"], match["code"], match["runnable"] is not None)


def command_lines(text: str) -> list[list[str]]:
    """Every ``tfsnn ...`` line of a text, in blocks and between backticks, as words."""
    code = [match["code"] for match in BLOCK.finditer(text) if match["language"] == "sh"]
    code += [match.group() for match in INDENTED.finditer(text)]
    lines = [line.strip() for block in code for line in block.replace("\\\n", " ").splitlines()]
    # A command with its arguments; one that is only named, as in `tfsnn train`, has none.
    lines += re.findall(r"`(tfsnn \w+ [^`]+)`", text)
    return [shlex.split(line)[1:] for line in lines if re.match(r"tfsnn\s", line)]


def parser_of(name: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(name, exit_on_error=False, allow_abbrev=False)
    importlib.import_module(COMMANDS[name].module).add_arguments(parser)
    parser.add_argument("--debug", action="store_true")
    return parser


def options_of(name: str) -> set[str]:
    """What a command takes: long options, and metavars of positional arguments."""
    found = set()
    for action in parser_of(name)._actions:
        found |= set(action.option_strings) if action.option_strings else {str(action.metavar)}
    return found - {"-h", "--help", "--debug"}


OPTIONS = {option for name in COMMANDS for option in options_of(name)}


def anchors(text: str) -> set[str]:
    """The anchors that GitHub makes of headings."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_links(page: str, text: str) -> list[str]:
    broken = []
    for target in LINK.findall(text):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        path = (ROOT / page).parent / name if name else ROOT / page
        if not path.is_file() or (anchor and anchor not in anchors(path.read_text(encoding="utf-8"))):
            broken.append(target)
    return broken


@pytest.mark.parametrize("page", DOCS)
def test_links(page: str) -> None:
    assert broken_links(page, TEXTS[page]) == []


def test_broken_links_are_found() -> None:
    text = "[a](docs/none.md) [b](#nowhere) [c](README.md#install) [d](https://example.org)"
    assert broken_links("README.md", text) == ["docs/none.md", "#nowhere"]


def test_every_page_is_reachable_from_the_readme() -> None:
    linked = {target.partition("#")[0] for target in LINK.findall(README)}
    assert {page for page in DOCS if page != "README.md"} <= linked
    pictures = {path for path in files() if path.startswith("docs/") and path.endswith(".png")}
    shown = {((ROOT / page).parent / target).resolve() for page, text in TEXTS.items() for target in LINK.findall(text)}
    assert {ROOT / picture for picture in pictures} <= shown


def unparsed(text: str) -> list[str]:
    """The command lines of a text that name a command or an option that does not exist, or lack what is required."""
    wrong = []
    for words in command_lines(text):
        if words[0] == "--version":
            continue
        if words[0] not in COMMANDS or parser_of(words[0]).parse_known_args(words[1:])[1]:
            wrong.append(shlex.join(words))
    return wrong


@pytest.mark.parametrize("page", DOCS)
def test_command_lines_parse(page: str) -> None:
    assert unparsed(TEXTS[page]) == []


def test_wrong_command_lines_are_found() -> None:
    text = "```sh\ntfsnn check model.h5 \\\n  --deep\n```\n\n    tfsnn fly away\n    tfsnn demo\n\nor `tfsnn inspect x --xml`"
    assert unparsed(text) == ["check model.h5 --deep", "fly away", "inspect x --xml"]


def test_readme_has_the_commands() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page, text in TEXTS.items():
        found = re.findall(r"(?:`|^ +)make (?:[A-Z]+=\S+ )?([a-z-]+)", text, re.MULTILINE)
        assert set(found) <= targets, page
    assert {"demo", "test"} <= set(re.findall(r"^ +make ([a-z]+)", README, re.MULTILINE))
    assert {"check", "convert", "inspect", "evaluate"} <= {words[0] for words in command_lines(README)}


@pytest.mark.parametrize("page", DOCS)
def test_options_exist(page: str) -> None:
    assert set(OPTION.findall(TEXTS[page])) <= OPTIONS | OTHER_OPTIONS | bench_options()


def bench_options() -> set[str]:
    text = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests/benchmarks").glob("*.py"))
    return set(re.findall(r"add_argument\(\s*\"(--[a-z-]+)\"", text))


def sections(text: str) -> dict[str, str]:
    """The second-level sections of a page, by heading."""
    parts = re.split(r"^## (.+)\n", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def first_cells(text: str) -> list[str]:
    """What stands between backticks in the first column of the tables of a text."""
    return [name for row in re.findall(r"^\| (`[^|]+) \|", text, re.MULTILINE) for name in re.findall(r"`([^`]+)`", row)]


def test_commands_page_is_complete() -> None:
    found = {heading.removeprefix("tfsnn "): text for heading, text in sections(TEXTS["docs/commands.md"]).items()}
    assert set(found) == set(COMMANDS)
    for name, text in found.items():
        cells = set(first_cells(text)) - set(RECIPES)
        assert cells == options_of(name), f"tfsnn {name}"
    assert set(RECIPES) <= set(first_cells(found["train"]))


def test_python_page_has_the_public_names() -> None:
    assert sorted(first_cells(TEXTS["docs/python.md"])) == sorted(f"tfsnn.{name}" for name in tfsnn.__all__)


def exists(dotted: str) -> bool:
    """Whether a module, or what it holds, has that name; ``tfsnn.simulate`` is a function and a module."""
    parts = dotted.split(".")
    for depth in range(len(parts), 0, -1):
        try:
            here: Any = importlib.import_module(".".join(parts[:depth]))
        except ImportError:
            continue
        for name in parts[depth:]:
            here = getattr(here, name, None)
        return here is not None
    return False


@pytest.mark.parametrize("page", DOCS)
def test_names_exist(page: str) -> None:
    names = set(re.findall(r"(?<![\w./-])tfsnn(?:\.[A-Za-z_]\w*)+", TEXTS[page]))
    assert sorted(name for name in names if not exists(name)) == []


def test_missing_names_are_found() -> None:
    assert exists("tfsnn.simulate") and exists("tfsnn.simulate.run") and exists("tfsnn.Stream.step")
    assert not exists("tfsnn.nothing") and not exists("tfsnn.plan.plan.nothing") and not exists("tfsnn.Stream.nothing")


def test_paths_exist() -> None:
    for page in ("docs/architecture.md", "CONTRIBUTING.md"):
        for path in set(re.findall(r"`((?:tfsnn|train|convert|evaluate|tests|docs)/[\w/.]*)`", TEXTS[page])):
            assert (ROOT / path).exists(), f"{page}: {path}"


def test_floors_are_those_of_the_contract() -> None:
    listed = re.sub(r"[()]", "", CONFIG["importlinter:contract:house"]["layers"]).split("\n")[1:]
    assert "\n".join(f"    {line}" for line in listed) in TEXTS["docs/architecture.md"]


def test_formats_are_those_of_the_code() -> None:
    text = TEXTS["docs/files.md"]
    assert f"| attribute `format_version`                | `{artifact.FORMAT_VERSION}` " in text
    assert f'`"{FORMAT}"`, `{FORMAT_VERSION}`' in text


@pytest.fixture(scope="module")
def small_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the examples read: model.h5, data.npz and frames.npy."""
    import keras

    folder = tmp_path_factory.mktemp("examples")
    keras.utils.set_random_seed(0)
    layers = [
        keras.Input((8, 8, 1)),
        keras.layers.Conv2D(4, 3, activation="relu"),
        keras.layers.Flatten(),
        keras.layers.Dense(3, activation="softmax"),
    ]
    keras.Sequential(layers).save(folder / "model.h5")
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (12, 8, 8, 1), np.uint8)
    np.savez(folder / "data.npz", x=images, y=np.arange(12) % 3)
    np.save(folder / "frames.npy", np.repeat(images[:2], 3, axis=0))
    return folder


@pytest.mark.parametrize("page", sorted({example.page for example in examples() if example.runnable}))
def test_examples_run(page: str, small_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in small_data.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for example in examples():
        if example.page == page and example.runnable:
            if example.language == "python":
                exec(compile(example.code, page, "exec"), names)
            else:
                for line in command_lines(f"```sh\n{example.code}```\n"):
                    assert main(line) == 0, f"tfsnn {shlex.join(line)}"


def test_readme_examples_are_runnable() -> None:
    assert all(example.runnable for example in examples() if example.page == "README.md")
    for example in examples():
        if example.language == "python":
            compile(example.code, example.page, "exec")


def test_citation() -> None:
    text = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"version: {CONFIG['metadata']['version']}\n" in text and f"license: {CONFIG['metadata']['license']}\n" in text
    assert text.startswith("cff-version: 1.2.0\n")
