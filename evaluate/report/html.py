"""The pieces that the page is made of: everything that needs escaping is escaped here."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from html import escape as escaped_html

from tfsnn.errors import printable

CSS = """
:root { --ink: #1c2126; --soft: #5b6670; --line: #dfe3e6; --rule: #aeb6bc; --wash: #f5f7f8; --accent: #0072b2; }
* { box-sizing: border-box; }
body { margin: 0; color: var(--ink); background: #fff;
  font: 16px/1.55 system-ui, "Segoe UI", "Helvetica Neue", Arial, sans-serif; }
main { max-width: 70rem; margin: 0 auto; padding: 3rem 1.5rem 5rem; }
header p { margin: 0; color: var(--accent); font-size: .8rem; font-weight: 600; letter-spacing: .08em;
  text-transform: uppercase; }
h1 { margin: .1rem 0 1.4rem; font-size: 1.7rem; line-height: 1.2; letter-spacing: -.01em; }
h2 { margin: 3.2rem 0 .4rem; padding-top: 1.2rem; border-top: 1px solid var(--line); font-size: 1.25rem; }
p { max-width: 46rem; margin: .6rem 0; }
p.lead { font-size: 1.12rem; }
p.note, figcaption, ul { color: var(--soft); font-size: .87rem; }
ul { max-width: 50rem; padding-left: 1.1rem; }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: 1px; margin: 1.8rem 0;
  background: var(--line); border: 1px solid var(--line); border-radius: 6px; overflow: hidden; }
dl div { display: flex; flex-direction: column-reverse; justify-content: flex-end; padding: .9rem 1.1rem;
  background: #fff; }
dt { color: var(--soft); font-size: .82rem; line-height: 1.35; }
dd { margin: 0; font-size: 1.55rem; font-weight: 600; letter-spacing: -.01em; }
dd, table { font-variant-numeric: tabular-nums; }
.wide { overflow-x: auto; margin: 1rem 0; }
table { border-collapse: collapse; width: 100%; font-size: .87rem; }
th, td { padding: .34rem .5rem; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--line); }
th { color: var(--soft); font-weight: 600; line-height: 1.25; vertical-align: bottom; white-space: normal;
  border-bottom: 1px solid var(--rule); }
th:first-child, td:first-child { padding-left: 0; text-align: left; }
tr.chosen td { background: #e8f2f8; font-weight: 600; }
tr.total td { border-top: 1px solid var(--rule); border-bottom: 0; font-weight: 600; }
figure { margin: 1.4rem 0 2rem; }
figure img { display: block; max-width: 100%; height: auto; }
pre { overflow-x: auto; padding: .9rem 1.1rem; background: var(--wash); border-radius: 6px;
  font: .82rem/1.5 ui-monospace, Menlo, Consolas, monospace; }
pre.line { white-space: pre-wrap; }
details summary { cursor: pointer; color: var(--accent); font-size: .9rem; }
footer { margin-top: 4rem; color: var(--soft); font-size: .82rem; }
@media (max-width: 40rem) { main { padding: 1.6rem 1rem 3rem; } h1 { font-size: 1.35rem; } p.lead { font-size: 1rem; }
  figure img { width: 100% !important; } }
@media print { main { max-width: none; padding: 0; } h2, figure, table { break-inside: avoid; } }
"""
WIDEST = 1632
"""Pixels of a picture as wide as the page."""


def escape(text: str) -> str:
    """Plain text as HTML, control characters shown as what they are; lines stay lines."""
    return escaped_html("\n".join(map(printable, text.split("\n"))))


def document(title: str, body: Sequence[str]) -> str:
    """A page that carries its style with it.

    Parameters
    ----------
    title
        Plain text.
    body
        HTML.
    """
    meta = '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
    head = f"{meta}<title>{escape(title)}</title><style>{CSS}</style>"
    content = "\n".join(body)
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body><main>\n{content}\n</main></body></html>\n'


def figure(caption: str, picture: bytes) -> str:
    """A PNG and its caption."""
    data, width = base64.b64encode(picture).decode(), int.from_bytes(picture[16:20], "big")
    # All pictures are drawn with one size of type; what is drawn narrower is shown narrower.
    share = min(100, round(100 * width / WIDEST))
    text = escape(caption)
    image = f'<img style="width: {share}%" alt="{text}" src="data:image/png;base64,{data}">'
    return f"<figure>{image}<figcaption>{text}</figcaption></figure>"


def table(head: Iterable[str], lines: Iterable[Iterable[str]], marks: Mapping[int, str] | None = None) -> str:
    """Rows of plain text.

    Parameters
    ----------
    head
        The columns.
    lines
        The rows.
    marks
        ``"chosen"`` or ``"total"`` by number of the row.
    """
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    rows = []
    for at, line in enumerate(lines):
        cells = "".join(f"<td>{escape(cell)}</td>" for cell in line)
        rows.append(f'<tr class="{(marks or {}).get(at, "")}">{cells}</tr>')
    body = "\n".join(rows)
    return f'<div class="wide"><table><thead><tr>{top}</tr></thead><tbody>\n{body}\n</tbody></table></div>'


def facts(found: Iterable[tuple[str, str]]) -> str:
    """Numbers that stand out: (value, what it is)."""
    cells = (f"<div><dt>{escape(what)}</dt><dd>{escape(value)}</dd></div>" for value, what in found)
    return f'<dl>{"".join(cells)}</dl>'


def heading(text: str) -> str:
    """A section begins."""
    return f"<h2>{escape(text)}</h2>"


def note(text: str) -> str:
    """A paragraph in small type."""
    return f'<p class="note">{escape(text)}</p>'


def listed(lines: Iterable[str]) -> str:
    """Points in small type."""
    return "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in lines) + "</ul>"


def code(text: str, *, wrapped: bool = False) -> str:
    """Text in columns."""
    mark = ' class="line"' if wrapped else ""
    return f"<pre{mark}>{escape(text)}</pre>"


def folded(title: str, text: str) -> str:
    """Text in columns that opens at a click."""
    return f"<details><summary>{escape(title)}</summary>{code(text)}</details>"
