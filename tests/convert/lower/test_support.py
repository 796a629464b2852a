"""The support table of docs/layers.md is the one that the code prints."""

from __future__ import annotations

from tests.house import ROOT
from tfsnn.convert.lower.driver import MANY, ONE
from tfsnn.convert.lower.support import BEGIN, END, markdown, rows, shortened

PAGE = ROOT / "docs" / "layers.md"


def test_page_holds_the_table() -> None:
    found = PAGE.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0].strip()
    assert found == markdown(), "print(tfsnn.convert.lower.support.markdown()) gives what belongs between the markers of docs/layers.md"


def test_every_layer_has_its_row() -> None:
    text = "\n".join(f"{names}: {what}" for names, what in rows())
    for name in (*ONE, *MANY):
        assert name in text or name.replace("2D", "1D/2D") in text or name.replace("1D", "1D/2D") in text
    assert all(what for _, what in rows())


def test_shortened() -> None:
    assert shortened(["Conv1D", "Conv2D", "Conv2DTranspose", "Dense"]) == ["Conv1D/2D", "Conv2DTranspose", "Dense"]
