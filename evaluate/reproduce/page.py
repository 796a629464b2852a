"""results.html: every table and figure of a reproduction on one page that carries everything with it."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from tfsnn.stage.provenance import version

from ..report.environment import render
from ..report.parts import Code, Part, Points, Section, Table, Text
from ..report.picture import of_png
from .steps import Step, read_json
from .tables import QUOTED


def page(paper: str, folder: Path, shown: Sequence[Step]) -> str:
    """The page.

    Parameters
    ----------
    paper
        Its name.
    folder
        The top of the reproduction.
    shown
        The steps that wrote tables and figures.
    """
    return render(
        "base.html",
        title=f"tfsnn reproduce {paper}",
        over="tfsnn reproduce",
        headline=f"{paper}: tables and figures beside the paper's own values",
        sections=[_section(folder, step) for step in shown],
        footer=f"Written by tfsnn {version('tfsnn')}. The numbers are in the folders of the tables, as CSV and JSON.",
    )


def _section(folder: Path, step: Step) -> Section:
    if not step.files:
        source = f"From {', '.join(step.inputs)}." if step.inputs else "From the neuron rule itself, without data."
        return Section(step.title, [of_png((folder / step.out).read_bytes(), source)])
    plain, numbers = (next(folder / name for name in step.outputs if name.endswith(end)) for end in (".csv", ".json"))
    content = read_json(numbers)
    with open(plain, encoding="utf-8", newline="") as file:
        head, *rows = csv.reader(file)
    quoted = [row for row in rows if QUOTED in row]
    parts = _table(content["title"], head, [row for row in rows if QUOTED not in row])
    parts += _table("Rows that are quoted, and not measured here", head, quoted) if quoted else []
    parts += [Points(content["notes"])] * bool(content["notes"])
    if content["commands"]:
        parts.append(Code("\n".join(content["commands"]), "Commands, at the top of the reproduction"))
    return Section(content["title"], parts)


def _table(caption: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[Part]:
    """A table without the columns that say nothing; what all rows have in common stands above it."""
    columns = [set(column) for column in zip(*rows)]
    said = [at for at, found in enumerate(columns) if at == 0 or not found <= {"-", "", QUOTED}]
    common = [at for at in said if at and len(rows) > 1 and len(columns[at]) == 1]
    shown = [at for at in said if at not in common]
    table = Table(caption, [head[at] for at in shown], [[row[at] for at in shown] for row in rows])
    once = "; ".join(f"{head[at]}: {rows[0][at]}" for at in common)
    return [*([Text(f"In all rows {once}.")] if once else []), table]
