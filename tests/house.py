"""The rules of the house, as checkers: each takes a source file and yields what is wrong with it.

``test_house.py`` runs them over the tree, and shows each of them a bad example. Run as a script, this file prints the
folders with their rules and floors, or lays the tree out as it is installed (``tfsnn/train`` and so on), for tools that
know nothing of ``package_dir``.
"""

from __future__ import annotations

import argparse
import ast
import os
import re
import shutil
from collections.abc import Callable, Iterator
from configparser import ConfigParser
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cached_property
from inspect import cleandoc
from pathlib import Path

from tfsnn.__main__ import COMMANDS

ROOT = Path(__file__).resolve().parent.parent
STAGES = ("train", "convert", "evaluate")
PACKAGES = ("tfsnn", *STAGES)
CONFIG = ConfigParser()
CONFIG.read(ROOT / "setup.cfg")
INSTALLED = [package.replace(".", "/") for package in CONFIG["options"]["packages"].split()]
# Where the packages of setup.cfg lie in the tree: the stages at its top.
FOLDERS = [re.sub(rf"^tfsnn/({'|'.join(STAGES)})\b", r"\1", package) for package in INSTALLED]
MAX_LINES = 400

TOP_LEVEL = {
    *("setup.cfg", "pyproject.toml", "Makefile", "LICENSE", ".gitignore", ".ci/run"),
    *("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "CITATION.cff", "docs/*.md", "docs/*.png"),
    *(f"{folder}/*.py" for folder in FOLDERS),
    *(f"tests/{folder.removeprefix('tfsnn/')}/*.py" for folder in FOLDERS), "tests/*.py",
    *("tfsnn/py.typed", "evaluate/report/templates/*", "tests/golden/*", "tests/benchmarks/*"),
}
# modules that may print: the commands, and the command that runs them.
SPEAKERS = {"tfsnn/__main__.py", "tfsnn/stage/terminal.py"}
SPEAKERS |= {command.module.removeprefix("tfsnn.").replace(".", "/") + ".py" for command in COMMANDS.values()}
# Imported where they are used: each takes longer than a user should wait for --help. Engines are imported late anyway.
HEAVY = {"tensorflow", "keras", "tensorflow_datasets", "sklearn", "cv2", "ai_edge_litert", "rich", "jinja2", "matplotlib", "numba"}
HEAVY |= {"dv_processing"}
KERNEL = "tfsnn/compiled/kernel/"
KERNEL_IMPORTS = {"__future__", "collections", "ctypes", "operator", "typing", "numba", "numpy"}
# The two doors from the core to the stages: the command, and the public names; both open late, by name.
DOORS = {"tfsnn/__main__.py", "tfsnn/__init__.py"}

# Written in halves, so that this file passes its own check.
WORDS = re.compile(r"\bTO" r"DO\b|\bFIX" r"ME\b|\bXX" r"X\b|\bHA" r"CK\b|pragma: no" r" cover|raise NotImple" r"mentedError")
MACHINE_PATH = re.compile(r"(?<![\w.:/-])/(?:home|root|work|tmp|Users|mnt|opt)(?![\w.-])")
PLACEHOLDER = re.compile(r"(?<!\{)\{[A-Za-z_]\w*(?:\.\w+|\[\w+\])*(?:![rsa])?(?::[^{}\s]*)?\}(?!\})")
SAYING = re.compile(r"(?i)error$|warn$|problem|refus|append$")


@dataclass(frozen=True)
class Source:
    """A text file of the tree: its path from the root, and what it holds."""

    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, self.path)

    @property
    def area(self) -> str:
        return self.path.split("/")[0]

    @property
    def library(self) -> bool:
        return self.area in PACKAGES


Check = Callable[[Source], Iterator[str]]


def files(root: Path = ROOT) -> list[str]:
    """Every file that belongs to the tree: what .gitignore does not name."""
    lines = (root / ".gitignore").read_text().splitlines()
    ignored = [".git", *(line.strip("/") for line in lines if line and not line.startswith("#"))]
    found = []
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if not any(fnmatch(name, pattern) for pattern in ignored))
        wanted = sorted(name for name in names if not any(fnmatch(name, pattern) for pattern in ignored))
        found += [Path(folder, name).relative_to(root).as_posix() for name in wanted]
    return found


def sources(root: Path = ROOT) -> list[Source]:
    """The Python files of the tree."""
    return [Source(path, (root / path).read_text(encoding="utf-8")) for path in files(root) if path.endswith(".py")]


def install_layout(target: Path, root: Path = ROOT) -> None:
    """Link the modules as setup.cfg installs them: ``target/tfsnn/train/command.py``."""
    shutil.rmtree(target, ignore_errors=True)
    for package, folder in zip(INSTALLED, FOLDERS, strict=True):
        (target / package).mkdir(parents=True, exist_ok=True)
        for module in (root / folder).glob("*.py"):
            (target / package / module.name).symlink_to(module.resolve())


def tree() -> str:
    """The folders as setup.cfg installs them: the door-plate of each, and its floors from top to bottom."""
    contracts = [CONFIG[name] for name in CONFIG.sections() if name.startswith("importlinter:contract")]
    floors = {contract["containers"].strip(): contract["layers"].split("\n") for contract in contracts}
    lines = []
    for package, folder in zip(INSTALLED, FOLDERS, strict=True):
        plate = ast.get_docstring(ast.parse((ROOT / folder / "__init__.py").read_text(encoding="utf-8"))) or ""
        rule = [line for line in plate.splitlines() if line.startswith("Rule:")]
        lines += ["", f"{package}: {plate.splitlines()[0]}", *rule]
        lines += [f"    {floor.replace('(', '').replace(')', '')}" for floor in floors.get(package.replace("/", "."), []) if floor]
    return "\n".join(lines).strip()


def misplaced(paths: list[str]) -> list[str]:
    """Files that have no place in the layout."""
    return [path for path in paths if not any(fnmatch(path, p) and path.count("/") == p.count("/") for p in TOP_LEVEL)]


def untested(paths: list[str]) -> list[str]:
    """Modules without a test file: ``tests/network/test_ops.py`` tests ``tfsnn/network/ops.py``.

    Parts of one thing may share the file of their folder, ``tests/network/test_network.py``.
    """
    missing = []
    for path in paths:
        folder, _, name = path.rpartition("/")
        if path.split("/")[0] not in PACKAGES or not name.endswith(".py") or name in ("__init__.py", "errors.py", "aliases.py"):
            continue
        mirror = "/".join(["tests", *folder.split("/")[path.startswith("tfsnn/") :]])
        own = f"{mirror}/test_{name.removesuffix('.py').strip('_')}.py"
        if not {own, f"{mirror}/test_{folder.split('/')[-1]}.py"} & set(paths):
            missing.append(f"{path}: no {own}")
    return missing


def forbidden_words(text: str) -> list[str]:
    """What must stand in no file: notes to oneself, and paths of a machine."""
    return [match.group() for pattern in (WORDS, MACHINE_PATH) for match in pattern.finditer(text)]


def too_long(source: Source) -> Iterator[str]:
    lines = source.text.count("\n")
    if lines > MAX_LINES:
        yield f"{lines} lines; at most {MAX_LINES}, split it by concept"


def no_future(source: Source) -> Iterator[str]:
    """Every module that holds more than its docstring postpones its annotations."""
    if len(source.tree.body) > 1 and "from __future__ import annotations" not in source.text:
        yield "lacks 'from __future__ import annotations'"
    if ast.get_docstring(source.tree) is None:
        yield "lacks a docstring"


def prints(source: Source) -> Iterator[str]:
    """print in the library: results are returned, commands print them."""
    if not source.library or source.path in SPEAKERS:
        return
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("print", "sys.stdout.write", "sys.stderr.write"):
            yield f"line {node.lineno}: prints; return it, and let the command print"


def asserts(source: Source) -> Iterator[str]:
    """assert in the library: it vanishes with ``python -O``, and informs nobody."""
    for node in ast.walk(source.tree) if source.library else ():
        if isinstance(node, ast.Assert):
            yield f"line {node.lineno}: assert; raise an error of tfsnn.errors"


def unread_messages(source: Source) -> Iterator[str]:
    """``pytest.raises`` and ``pytest.warns`` without ``match``."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).removeprefix("pytest.") in ("raises", "warns"):
            if not any(keyword.arg == "match" for keyword in node.keywords):
                yield f"line {node.lineno}: {ast.unparse(node.func)} without match="


def broad_excepts(source: Source) -> Iterator[str]:
    """Handlers that would swallow a defect of ours."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ExceptHandler):
            caught = [node.type or ast.Name("BaseException")]
        elif isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == "suppress":
            caught = node.args
        else:
            continue
        names = {name.id for expression in caught for name in ast.walk(expression) if isinstance(name, ast.Name)}
        if names & {"Exception", "BaseException"}:
            yield f"line {node.lineno}: catches everything; name what is expected"


def names_of_stages(source: Source) -> Iterator[str]:
    """A stage under its bare name, which belongs to another package; relative imports elsewhere; names that open a stage unseen.

    Who may import whom else is said by the contracts in setup.cfg.
    """
    for line, name in imports(source.tree):
        head = name.split(".")[0]
        if head in STAGES:
            yield f"line {line}: imports {name}; the stages are called tfsnn.{head}"
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ImportFrom) and node.level > (source.path.count("/") if source.area in STAGES else 0):
            yield f"line {node.lineno}: relative import; only a stage's own files are imported so"
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and source.library:
            if re.match(r"tfsnn\.(train|convert|evaluate)\b", node.value) and source.path not in DOORS:
                yield f"line {node.lineno}: names {node.value}; only {' and '.join(sorted(DOORS))} open a stage by name"


def engines_own(path: str) -> set[str]:
    """What an engine may import at once: it is imported late itself."""
    return {"numba"} if path.startswith("tfsnn/compiled/") else {"tensorflow"} if path.startswith("tfsnn/eager/") else set()


def eager_imports(source: Source) -> Iterator[str]:
    """Heavy packages imported when a module of the library is."""
    if not source.library:
        return
    for line, name in imports(*at_import(source.tree.body)):
        head = name.split(".")[0]
        if head in HEAVY - engines_own(source.path):
            yield f"line {line}: imports {head} at once; import it where it is used"


def kernel_imports(source: Source) -> Iterator[str]:
    """The kernel imports numba, numpy and its own parts only: its cache would not notice an edit in another file."""
    for line, name in imports(source.tree) if source.path.startswith(KERNEL) else ():
        if name.split(".")[0] not in KERNEL_IMPORTS and not name.startswith(("tfsnn.compiled.kernel", "tfsnn.aliases")):
            yield f"line {line}: imports {name}; allowed are {', '.join(sorted(KERNEL_IMPORTS))}"


def unfilled(source: Source) -> Iterator[str]:
    """Messages that would show ``{name}`` to a user, because an f is missing or a brace is doubled."""
    if not source.library:
        return
    filled = {
        id(node.func.value)
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "format"
    }
    found = set()
    for node in ast.walk(source.tree):
        says = isinstance(node, ast.Call) and SAYING.search(ast.unparse(node.func))
        if not says and not isinstance(node, ast.Raise):
            continue
        for text in ast.walk(node):
            if isinstance(text, ast.Constant) and isinstance(text.value, str) and id(text) not in filled:
                found |= {f"line {text.lineno}: placeholder {name}" for name in PLACEHOLDER.findall(text.value)}
    yield from sorted(found)


def undocumented(source: Source) -> Iterator[str]:
    """A Parameters section lists exactly the parameters, and leaves types to the signature."""
    classes = {node.name: node for node in ast.walk(source.tree) if isinstance(node, ast.ClassDef)}
    for node in ast.walk(source.tree):
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            continue
        listed = section(ast.get_docstring(node) or "", "Parameters")
        typed = [entry for entry in listed if not re.fullmatch(r"[*\w, ]+", entry)]
        names = [name.strip() for entry in listed for name in entry.split(",")]
        actual = fields(node, classes) if isinstance(node, ast.ClassDef) else arguments(node)
        if typed:
            yield f"line {node.lineno}: {node.name} documents {typed[0]!r}; names only, types stand in the signature"
        elif listed and sorted(names) != sorted(actual):
            yield f"line {node.lineno}: {node.name} documents {names}, takes {actual}"


def at_import(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The import statements that run when a module is imported, those for type checkers left out."""
    for node in body:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield node
        elif isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            yield from at_import(node.orelse)
        elif not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            for child in ast.iter_child_nodes(node):
                inner = child.body if isinstance(child, ast.ExceptHandler) else [child]
                yield from at_import([statement for statement in inner if isinstance(statement, ast.stmt)])


def imports(*trees: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and full name of everything imported; nothing for relative imports."""
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                yield from ((node.lineno, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and not node.level:
                yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def section(docstring: str, title: str) -> list[str]:
    """The unindented lines of a numpydoc section."""
    lines = cleandoc(docstring).replace("\\*", "*").splitlines()
    starts = [i for i, line in enumerate(lines[1:], 1) if line and set(line) == {"-"}]
    for start, end in zip(starts, [*starts[1:], len(lines) + 1]):
        if lines[start - 1] == title:
            return [line for line in lines[start + 1 : end - 1] if line and not line.startswith(" ")]
    return []


def arguments(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    """Names of a function's parameters, without the object itself."""
    a = function.args
    names = [arg.arg for arg in a.posonlyargs + a.args]
    names = names[1:] if names[:1] in (["self"], ["cls"]) else names
    names += [f"*{a.vararg.arg}"] if a.vararg else []
    names += [arg.arg for arg in a.kwonlyargs]
    return names + ([f"**{a.kwarg.arg}"] if a.kwarg else [])


def fields(cls: ast.ClassDef, classes: dict[str, ast.ClassDef]) -> list[str]:
    """Names of a class's parameters: those of ``__init__``, else its fields after those of its bases."""
    for node in cls.body:
        if isinstance(node, ast.FunctionDef) and node.name == "__init__":
            return arguments(node)
    bases = [classes[name] for name in map(ast.unparse, cls.bases) if name in classes]
    names = [name for base in bases for name in fields(base, classes)]
    for node in cls.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            made = "ClassVar" in ast.unparse(node.annotation) or "init=False" in ast.unparse(node.value or node.target)
            names += [] if made or node.target.id in names else [node.target.id]
    return names


CHECKS: tuple[Check, ...] = (
    *(too_long, no_future, prints, asserts, unread_messages, broad_excepts),
    *(names_of_stages, eager_imports, kernel_imports, unfilled, undocumented),
)

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.house", description=__doc__, allow_abbrev=False)
    parser.add_argument("target", nargs="?", type=Path, help="lay the packages out in this folder as they are installed")
    parser.add_argument("--tree", action="store_true", help="print the folders, their rules and their floors")
    arguments_given = parser.parse_args()
    if arguments_given.tree:
        print(tree())
    elif arguments_given.target is None:
        parser.error("name a folder, or give --tree")
    else:
        install_layout(arguments_given.target)
