"""What a reader sees: every page in headless Chromium, wide, on a telephone, by night and on paper."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.browser import Browser, browser
from tests.pages import written

A4 = 695
"""Pixels between the margins of a sheet."""
CUT = """
(paper) => [...document.querySelectorAll("body *")].filter((each) => {
  const box = each.getBoundingClientRect();
  const rolls = !paper && each.closest(".wide, pre") && !each.matches(".wide, pre");
  return box.width && !rolls && !each.matches(".hit, .tip") && (box.right > innerWidth + 1 || box.left < -1);
}).map((each) => `${each.tagName} ${each.getAttribute("class")} ${each.textContent.slice(0, 40)}`)
"""
"""Elements that reach beyond the page; on a screen what rolls may."""
CONTRAST = """
() => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = (c) => [0.2126, 0.7152, 0.0722].reduce((sum, share, i) => {
    const v = c[i] / 255;
    return sum + share * (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  }, 0);
  const behind = (each) => {
    for (; each; each = each.parentElement) {
      const found = rgba(getComputedStyle(each).backgroundColor);
      if (found[3] === 255) return found;
    }
    return [255, 255, 255];
  };
  const ratio = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p); return (x + 0.05) / (y + 0.05); };
  const bad = [];
  for (const each of document.querySelectorAll("body *:not(script)")) {
    const style = getComputedStyle(each);
    const own = [...each.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim());
    const name = `${each.tagName} ${each.getAttribute("class")} ${each.textContent.slice(0, 30)}`;
    if (own && each.tagName !== "title" && !each.closest("details:not([open])")) {
      const found = ratio(rgba(each instanceof SVGElement ? style.fill : style.color), behind(each));
      if (found < 4.5) bad.push(`${name}: ${found.toFixed(2)}`);
    }
    if (each.matches("path.stroke, line.stroke, circle.fill, rect.fill")) {
      const found = ratio(rgba(each.matches(".stroke") ? style.stroke : style.fill), behind(each));
      if (found < 3) bad.push(`${name}: ${found.toFixed(2)}`);
    }
  }
  return bad;
}
"""
"""Text below a contrast of 4.5, and lines and dots below 3."""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as found:
        yield found


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return written(tmp_path_factory.mktemp("pages"))


def test_no_complaint_no_request_and_every_figure(chromium: Browser, pages: dict[str, Path]) -> None:
    for name, path in pages.items():
        chromium.open(path)
        assert chromium.complaints() == [], name
        assert [url for url in chromium.requests() if not url.startswith("data:")] == [path.as_uri()], name
        sizes = chromium.run("[...document.querySelectorAll('svg.chart')].map((e) => [e.clientWidth, e.clientHeight])")
        assert len(sizes) >= 2 and all(width > 200 and height > 100 for width, height in sizes), name
        lines = chromium.run("[...document.querySelectorAll('svg.chart path')].map((e) => e.getBoundingClientRect().width)")
        assert lines and all(width > 5 for width in lines) or name in ("masks", "short stream"), name
        # Table and curve of the first screen are on it.
        assert chromium.run("document.querySelector('.first .plot').getBoundingClientRect().top") < 500, name


@pytest.mark.parametrize("width", [390, 800, 1280])
def test_nothing_is_cut_on_a_screen(chromium: Browser, pages: dict[str, Path], width: int) -> None:
    for name, path in pages.items():
        chromium.open(path, width=width)
        assert chromium.run("document.documentElement.scrollWidth") <= width, name
        assert chromium.run(f"({CUT})(false)") == [], name


def test_nothing_is_cut_on_paper(chromium: Browser, pages: dict[str, Path]) -> None:
    for name, path in pages.items():
        chromium.open(path, width=A4, dark=True, media="print")
        assert chromium.run(f"({CUT})(true)") == [], name
        assert chromium.run("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert chromium.pdf().startswith(b"%PDF")


@pytest.mark.parametrize("dark", [False, True])
def test_contrast(chromium: Browser, pages: dict[str, Path], dark: bool) -> None:
    for name, path in pages.items():
        chromium.open(path, dark=dark)
        assert chromium.run(f"({CONTRAST})()") == [], name


def test_contrast_check_finds_what_is_pale(chromium: Browser, tmp_path: Path) -> None:
    (tmp_path / "pale.html").write_text('<body><p style="color: #999">pale</p><p>dark</p>')
    chromium.open(tmp_path / "pale.html")
    assert chromium.run(f"({CONTRAST})()") == ["P null pale: 2.85"]


@pytest.mark.parametrize("dark", [False, True])
def test_axe_finds_nothing(chromium: Browser, pages: dict[str, Path], dark: bool) -> None:
    found = find_spec("axe_core_python")
    if found is None or found.origin is None:
        pytest.skip("axe-core-python is not installed")
    script = Path(found.origin).with_name("axe.min.js").read_text(encoding="utf-8")
    for name in ("classes", "stream of values"):
        chromium.open(pages[name], dark=dark)
        chromium.run(f"{script}; null")
        problems = "axe.run().then((r) => r.violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.target).join(' ')}`))"
        assert chromium.run(problems) == [], name


def test_words_beside_a_mark(chromium: Browser, pages: dict[str, Path]) -> None:
    tip = "(() => { const t = document.querySelector('.tip'); return t.hidden ? null : t.textContent; })()"
    for width in (390, 1280):
        chromium.open(pages["classes"], width=width)
        assert chromium.run(tip) is None and chromium.run("document.querySelectorAll('.mark title').length") == 0
        chromium.run("document.querySelector('.mark').focus()")
        first = chromium.run(tip)
        assert first.startswith("Threshold ") and "operations a frame; 95 % interval" in first
        chromium.key("ArrowRight")
        second = chromium.run(tip)
        assert second.startswith("Threshold ") and second != first
        assert chromium.run("document.querySelectorAll('.first .mark[tabindex=\"0\"]').length") == 1
        box = chromium.run("(({ left, right }) => [left, right])(document.querySelector('.tip').getBoundingClientRect())")
        assert 0 <= box[0] < box[1] <= width
        chromium.key("Escape")
        assert chromium.run(tip) is None
        x, y = chromium.run(
            "(() => { const b = document.querySelector('.first .hit').getBoundingClientRect();"
            " scrollTo(0, b.top + scrollY - 300); const c = document.querySelector('.first .hit').getBoundingClientRect();"
            " return [c.left + c.width / 2, c.top + c.height / 2]; })()"
        )
        chromium.send("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
        assert chromium.run(tip) == first
