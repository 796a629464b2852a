"""The page says what report.json says, honestly, carries all with it, and escapes what it did not write."""

from __future__ import annotations

import re
from copy import deepcopy
from typing import Any

from tests.evaluate_parts import evaluated
from tfsnn.evaluate.report import page, sentences, steps, tables


def made(**settings: Any) -> dict[str, Any]:
    """A report of one's own to change."""
    return deepcopy(evaluated(**settings)[2])


def test_headline_for_better_and_worse() -> None:
    found = made()
    found["headline"] |= {"row": 0, "within_tolerance": True}
    found["rows"][0] |= {"accuracy": 0.9905, "accuracy_ci95": [0.9884, 0.9922], "synaptic_operations": 31, "withheld": None}
    first, *more = sentences.summary(found)
    assert first == (
        "The event network gets 99.05 % right, the integer network without events 75.00 %; "
        "it needs 2.0 times fewer operations than the dense network."
    )
    said = " ".join(more)
    assert "At a threshold of 0.1 (absolute), on all 12 test frames of dots; 95 % interval 98.84 to 99.22 %." in said
    assert "31 synaptic operations a frame: 2.0 times fewer than the 62 multiply-accumulates of the dense ANN" in said
    assert "costs the least within 0.1 points of the integer network; it was chosen on the test frames themselves, so expect" in said
    found["rows"][0]["synaptic_operations"] = 124
    found["headline"]["within_tolerance"], found["dataset"]["available"] = False, 13
    said = " ".join(sentences.summary(found))
    assert "it needs 2.0 times as many operations as the dense network" in said and "2.0 times as many as the 62" in said
    assert "No threshold tried comes within 0.1 points" in said and "on the first 12 test frames" in said
    found["selection"] = {"on": "train", "samples": 2000}
    assert "this one comes closest, and it was chosen on 2,000 frames of the train split." in " ".join(sentences.summary(found))


def test_no_saving_is_claimed_of_a_network_that_lost() -> None:
    found = made(frames=400)
    row = found["rows"][found["headline"]["row"]]
    row |= {"withheld": "margin", "reduction": None, "lost": 3.2}
    html = page.render(found)
    assert "it loses more than 1 point, so no saving is claimed." in sentences.summary(found)[0]
    assert "fewer operations than" not in html and "times fewer" not in html and "loses too much" in html
    row["withheld"] = "chance"
    assert "no better than an answer that is always the same, so no saving is claimed." in sentences.summary(found)[0]
    assert "at chance" in page.render(found)


def test_four_rows() -> None:
    found = made(frames=400)
    entry = found["baselines"]["ann"] | {"lost": 0.0}
    found["baselines"]["original"] = entry | {
        "what": "Keras, model.h5", "input": "raw samples", "keras": True, "notes": ["it was patched"], "name": "model.h5",
    }  # fmt: skip
    found["baselines"]["float"] = entry
    names = [line[0] for line in steps.lines(found)]
    assert names[:4] == [
        "Keras, model.h5, raw samples", "float network, encoded frames", "integer network, encoded frames", "event network, T = 0.1",
    ]  # fmt: skip
    assert steps.baselines_before(found) == 3 and {len(line) for line in steps.lines(found)} == {len(steps.head(found))}
    assert "the Keras model 75.00 %" in sentences.summary(found)[0] and "It was patched." in sentences.summary(found)
    found["baselines"]["original"]["keras"] = False
    assert "the model as tfsnn reads it 75.00 %" in sentences.summary(found)[0]


def test_times_stand_in_the_report() -> None:
    found = made(frames=400)
    assert set(found["speed"]["ms"]) == {"event"} and found["speed"]["frames"] == 200
    found["speed"] = {"frames": 9, "ms": {"event": {"mean": 1.0, "median": 0.5, "p99": 2.25}}, "notes": ["LiteRT cannot run the model"]}
    html = page.render(found)
    assert ">2.250</td>" in html and "LiteRT cannot run the model." in html
    found["speed"] = None
    assert "How fast" not in page.render(found)


def test_single_threshold_was_not_chosen() -> None:
    assert "No other threshold was tried." in sentences.summary(made(thresholds=(0.5,)))


def test_silent_network() -> None:
    found = made(frames=400)
    for row in found["rows"]:
        row |= {"synaptic_operations": 0.0, "reduction": None, "withheld": None}
    assert "against the 62 multiply-accumulates" in " ".join(sentences.summary(found))
    assert "<h1>" in page.render(found)


def test_page_carries_everything() -> None:
    found = made()
    html = page.render(found)
    assert "&nbsp;% right" in html and "\\xa0" not in html
    assert not re.search(r'(?:src|href)="(?!data:|#)|@import|url\(|<link|https?:', html)
    for text in ("Horowitz", "NeuroBench", "Effective_MACs", "zero-skipping ANN", found["command"], "provenance of the network"):
        assert text in html
    assert "AICAS" not in html
    assert all(f">{entry['threshold']:g}</th>" in html for entry in found["baselines"]["quantized"])
    assert html.count("<table>") == html.count("</table>") == html.count("<caption>")
    assert all(f">event network, T = {row['threshold']:g}</th>" in html for row in found["rows"])


def test_page_escapes_names() -> None:
    found = made()
    found["dataset"]["name"] = '<script>alert("x")</script>'
    found["layers"][0]["name"] = "a & b <i>"
    html = page.render(found)
    assert "<script>alert" not in html and "a &amp; b &lt;i&gt;" in html


def test_papers_count_beside_the_true_ones() -> None:
    found = made()
    found["baselines"]["ann"]["operations_as_in_aicas_2019"] = 455_712
    listed = [line[0] for line in tables.baselines(found)]
    assert listed[2] == "dense ANN, as counted in AICAS 2019"
    assert "455,712" in page.render(found) and "forgets the input channels" in page.render(found)
