"""Where templates become pages: every text is escaped, and control characters are shown as what they are."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from tfsnn.errors import printable

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

TEMPLATES = Path(__file__).resolve().parent / "templates"


def render(template: str, **content: object) -> str:
    """A page.

    Parameters
    ----------
    template
        A file of ``templates``.
    **content
        What it shows: text is plain text.
    """
    return _environment().get_template(template).render(content) + "\n"


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    made.filters["unbroken"] = _unbroken
    return made


def _unbroken(text: str) -> Markup:
    """The text, without the end of a line between a number and its sign."""
    from markupsafe import Markup, escape

    # After what is not printable has been shown by its codes: this blank is none of it.
    return Markup(str(escape(_shown(text))).replace(" %", "&nbsp;%"))


def _shown(value: object) -> object:
    """Plain text without control characters, lines kept; what is HTML already, and numbers, as they are."""
    return "\n".join(map(printable, value.split("\n"))) if type(value) is str else value
