"""Headless Chromium by its own protocol over a pipe: what a page looks like and does, with nothing but the standard library."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from select import select
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
PATIENCE = 60.0
"""Seconds for one answer: Chromium starts slowly on a busy machine."""
MOVED = """
import fcntl, os, sys
ours = [fcntl.fcntl(int(number), fcntl.F_DUPFD, 10) for number in sys.argv[1:3]]
for number, wanted in zip(ours, (3, 4)):
    os.dup2(number, wanted)
os.execv(sys.argv[3], sys.argv[3:])
"""
"""The protocol's pipe is file descriptors 3 and 4 of Chromium: a program that puts ours there, whatever numbers they have."""
NO_ANSWER = "did not answer within a minute"


def chromium() -> str:
    """Where Chromium is; where it is not, the test is skipped."""
    found = os.environ.get("TFSNN_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip("no Chromium on this machine: install one, or name it in TFSNN_CHROMIUM")
    return found


class Browser:
    """One page in one Chromium: commands go in, answers and events come out, each ended by a zero byte."""

    def __init__(self, write: int, read: int) -> None:
        self._write, self._read, self._left, self._number = write, read, b"", 0
        self.events: list[dict[str, Any]] = []
        target = self._send("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")

    def send(self, method: str, **given: Any) -> dict[str, Any]:
        """A command to the page, and its answer."""
        return self._send(method, self._session, **given)

    def _send(self, method: str, session: str | None = None, **given: Any) -> dict[str, Any]:
        self._number += 1
        line = {"id": self._number, "method": method, "params": given} | ({} if session is None else {"sessionId": session})
        os.write(self._write, json.dumps(line).encode() + b"\0")
        while (answer := self._next()).get("id") != self._number:
            self.events.append(answer)
        assert "error" not in answer, answer["error"]
        found: dict[str, Any] = answer["result"]
        return found

    def _next(self) -> dict[str, Any]:
        until = time.monotonic() + PATIENCE
        while b"\0" not in self._left:
            assert select([self._read], [], [], max(0.0, until - time.monotonic()))[0], f"Chromium {NO_ANSWER}"
            piece = os.read(self._read, 1 << 20)
            assert piece, "Chromium has ended"
            self._left += piece
        line, _, self._left = self._left.partition(b"\0")
        found: dict[str, Any] = json.loads(line)
        return found

    def open(self, page: Path, *, width: int = 1280, height: int = 800, dark: bool = False, media: str = "") -> None:
        """Load a page from a file, on a screen of that size."""
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.send("Emulation.setEmulatedMedia", media=media, features=[scheme])
        self.events.clear()
        self.send("Page.navigate", url=page.resolve().as_uri())
        while not any(event["method"] == "Page.loadEventFired" for event in self.events):
            self.events.append(self._next())

    def run(self, script: str) -> Any:
        """What an expression of JavaScript gives in the page."""
        found = self.send("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def key(self, name: str) -> None:
        """Press a key."""
        for kind in ("keyDown", "keyUp"):
            self.send("Input.dispatchKeyEvent", type=kind, key=name, code=name, windowsVirtualKeyCode={"Tab": 9}.get(name, 0))

    def complaints(self) -> list[str]:
        """What the console holds, errors of scripts included."""
        said = ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded")
        return [json.dumps(event["params"]) for event in self.events if event["method"] in said]

    def requests(self) -> list[str]:
        """Addresses that were asked for."""
        return [event["params"]["request"]["url"] for event in self.events if event["method"] == "Network.requestWillBeSent"]

    def pdf(self) -> bytes:
        """The page printed on A4."""
        return base64.b64decode(self.send("Page.printToPDF", preferCSSPageSize=True, printBackground=True)["data"])

    def screenshot(self, *, whole: bool = True) -> bytes:
        """The page as PNG."""
        return base64.b64decode(self.send("Page.captureScreenshot", captureBeyondViewport=whole)["data"])


@contextmanager
def browser() -> Iterator[Browser]:
    """A Chromium that ends with the block."""
    to_it, to_us = os.pipe(), os.pipe()
    with tempfile.TemporaryDirectory() as folder:
        words = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--remote-debugging-pipe"]
        words += [f"--user-data-dir={folder}", "--no-first-run", "--disable-extensions", "--disable-background-networking"]
        process = subprocess.Popen(
            [sys.executable, "-c", MOVED, str(to_it[0]), str(to_us[1]), chromium(), *words],
            pass_fds=(to_it[0], to_us[1]), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            for ours in (to_it[0], to_us[1]):
                os.close(ours)
            yield Browser(to_it[1], to_us[0])
        finally:
            for ours in (to_it[1], to_us[0]):
                os.close(ours)
            process.terminate()
            process.wait(timeout=PATIENCE)
