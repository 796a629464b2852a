"""Options that two commands share mean the same in both."""

from __future__ import annotations

import argparse
from collections.abc import Callable

import pytest

from tfsnn.evaluate import command
from tfsnn.evaluate.live import command as live

GIVEN = {"evaluate": ["net", "--data", "d", "--out", "o"], "stream": ["net", "video"]}


@pytest.mark.parametrize(("add", "given"), [(command.add_arguments, GIVEN["evaluate"]), (live.add_arguments, GIVEN["stream"])])
def test_shared(add: Callable[[argparse.ArgumentParser], None], given: list[str]) -> None:
    parser = argparse.ArgumentParser()
    add(parser)
    found = parser.parse_args(given)
    assert (found.unit, found.spikes, found.schedule, found.force) == ("relative", "valued", "slot", False)
    found = parser.parse_args([*given, "--lsb", "--spikes", "signed", "--schedule", "spike", "--force"])
    assert (found.unit, found.spikes, found.schedule, found.force) == ("lsb", "signed", "spike", True)
    assert parser.parse_args([*given, "--absolute"]).unit == "absolute"
