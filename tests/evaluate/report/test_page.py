"""Every page is sound HTML that asks nobody for anything and lets nothing through that it did not write."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from tests.pages import LONG, NAMES, NASTY, classes, every
from tfsnn.evaluate.report import page

VOID = {"meta", "img", "br", "input", "link", "hr"}


class Checked(HTMLParser):
    """What stands in a page: elements that are not closed in order, and what tables, headings and links hold."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if len(dict(attrs)) != len(attrs):
            self.wrong.append(f"{tag}: an attribute twice")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(f"/{tag} at {self.getpos()}")

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.seen if name == tag]


@pytest.mark.parametrize("name", NAMES)
def test_well_formed(name: str) -> None:
    found = Checked(every()[name])
    assert found.wrong == [] and found.open == []
    identities = [attributes["id"] for _, attributes in found.seen if "id" in attributes]
    assert len(set(identities)) == len(identities) > 3
    assert [each["href"] for each in found.all("a")] == [f"#{identity}" for identity in identities]
    assert len(found.all("table")) == len(found.all("caption")) and len(found.all("h1")) == 1
    assert {each.get("scope") for each in found.all("th")} == {"row", "col"}
    assert all(each.get("alt") for each in found.all("img"))


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_asked_for_and_nothing_gets_through(name: str) -> None:
    html = every()[name]
    assert not re.search(r'(?:src|href)="(?!data:|#)|@import|url\(|<link|<iframe|\bfetch\b|XMLHttp', html)
    assert html.count("<script>") == 1 and "<script>alert" not in html and "<i>" not in html
    assert "default-src 'none'" in html and "@media (prefers-color-scheme: dark)" in html and "@media print" in html


def test_checker_finds_what_is_wrong() -> None:
    assert Checked("<p><b></p>").wrong and Checked('<p id="a" id="b"></p>').wrong and Checked("<p>").open == ["p"]


def test_names_are_shown_as_they_are() -> None:
    html = every()["classes"]
    shown = NASTY.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&#34;").replace("'", "&#39;")
    assert html.count(shown) >= 5 and html.count(f"{LONG}_14") >= 3
    made = classes()
    made["layers"][0]["name"] = "a\x1b[2J\u202eb"
    assert "a\\x1b[2J\\u202eb" in page.render(made)


def test_first_screen_holds_four_networks_and_the_curve() -> None:
    first = every()["classes"].partition('<section')[0]
    names = re.findall(r'<th scope="row"[^>]*>([^<]+)', first)
    assert names == ["Your Keras model", "Float network", "Integer network", "Event network"]
    assert "Accuracy against operations" in first and first.count('class="mark') == 3 and "LiteRT 0.5" in first


def test_layers_have_bars_and_errors() -> None:
    html = every()["classes"]
    # Three for operations, one for spikes, and one for the error of all but the input.
    assert html.count('<svg class="bar"') == 20 * 5 - 1
    assert "root mean square of what a layer has sent" in html and "at the end of the first 50 frames" in html


def test_every_mark_has_words_and_a_place_for_the_keyboard() -> None:
    for html in every().values():
        marks = re.findall(r'<g class="mark[^>]*>', html)
        assert marks and all('tabindex="0"' in mark and re.search(r'aria-label="[^"]{10,}"', mark) for mark in marks)
        assert html.count("<title>") == len(marks) + 1


def test_no_times_sign_stands_for_words() -> None:
    for html in every().values():
        assert not re.search(r"\d(?:\.\d+)?[x×] (?:more|fewer)", html)
