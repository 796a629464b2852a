"""The page says what report.json says, honestly, carries all with it, and escapes what it did not write."""

from __future__ import annotations

import re
from copy import deepcopy
from typing import Any

from tests.evaluate_parts import evaluated
from tfsnn.evaluate.report import html as page_html
from tfsnn.evaluate.report import page

PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(8) + (816).to_bytes(4, "big") + bytes(8)


def made(**settings: Any) -> dict[str, Any]:
    """A report of one's own to change."""
    return deepcopy(evaluated(**settings)[2])


def test_summary_for_better_and_worse() -> None:
    found = made()
    found["headline"] |= {"row": 0, "within_tolerance": True}
    found["rows"][0] |= {"accuracy": 0.9905, "accuracy_ci95": [0.9884, 0.9922], "synaptic_operations": 31}
    said = " ".join(page.summary(found))
    assert "gets 99.05 % of all 12 test frames of dots right (95 % interval 98.84 to 99.22 %)" in said
    assert "the ANN with the same weights gets 75.00 %." in said
    assert "31 synaptic operations a frame: 2.0 times fewer than the 62 multiply-accumulates of the dense ANN" in said
    assert "costs the least within 0.1 points of the ANN; it was chosen on these very frames" in said
    found["rows"][0]["synaptic_operations"] = 124
    found["headline"]["within_tolerance"], found["dataset"]["available"] = False, 13
    said = " ".join(page.summary(found))
    assert "2.0 times as many as the 62" in said and "No threshold tried comes within 0.1 points" in said
    assert "of the first 12 test frames" in said


def test_single_threshold_was_not_chosen() -> None:
    assert page.summary(made(thresholds=(0.5,)))[-1] == "No other threshold was tried."


def test_silent_network() -> None:
    found = made()
    for row in found["rows"]:
        row |= {"synaptic_operations": 0.0, "reduction": None}
    assert "against the 62 multiply-accumulates" in " ".join(page.summary(found))
    assert "operations of the dense ANN beside it" in page.render(found, [])


def test_page_carries_everything() -> None:
    found = made()
    html = page.render(found, [("One <picture>", PICTURE), ("Two", PICTURE)])
    assert not re.search(r'(?:src|href)="(?!data:)|@import|url\(|<script|<link', html)
    assert html.count("<figure>") == 2 and 'style="width: 50%"' in html and "One &lt;picture&gt;" in html
    for text in (
        "Horowitz",
        "NeuroBench",
        "Effective_MACs",
        "zero-skipping ANN",
        found["command"],
        "provenance of the network",
    ):
        assert text in html
    assert "AICAS" not in html
    assert html.count("<table>") == html.count("</table>") == 6
    assert all(f"<td>{row['threshold']:g}</td>" in html for row in found["rows"])


def test_page_escapes_names() -> None:
    found = made()
    found["dataset"]["name"] = '<script>alert("x")</script>'
    found["layers"][0]["name"] = "a & b <i>"
    html = page.render(found, [])
    assert "<script>" not in html and "a &amp; b &lt;i&gt;" in html


def test_papers_count_beside_the_true_ones() -> None:
    found = made()
    found["baselines"]["ann"]["operations_as_in_aicas_2019"] = 455_712
    listed = [line[0] for line in page.baselines(found)]
    assert listed[2] == "dense ANN, as counted in AICAS 2019"
    assert "455,712" in page.render(found, []) and "forgets the input channels" in page.render(found, [])


def test_pieces_escape() -> None:
    nasty = "<&\"'>"
    pieces = [
        *(page_html.note(nasty), page_html.heading(nasty), page_html.code(nasty), page_html.folded(nasty, nasty)),
        *(page_html.listed([nasty]), page_html.facts([(nasty, nasty)]), page_html.table([nasty], [[nasty]])),
        *(page_html.figure(nasty, PICTURE), page_html.document(nasty, [])),
    ]
    assert all(nasty not in piece and "&lt;&amp;&quot;" in piece for piece in pieces)
