"""Options that ``tfsnn evaluate`` and ``tfsnn stream`` share: how an event network is run."""

from __future__ import annotations

import argparse

from tfsnn.plan.settings import SCHEDULES, SPIKES


def add_unit_arguments(parser: argparse.ArgumentParser, what: str) -> None:
    """Add the unit that thresholds are given in.

    Parameters
    ----------
    parser
        Of the command.
    what
        What is given in it, in words that begin a sentence: ``"thresholds are"``.
    """
    unit = parser.add_mutually_exclusive_group()
    unit.add_argument("--absolute", action="store_const", dest="unit", const="absolute", default="relative", help=f"{what} absolute")
    unit.add_argument("--lsb", action="store_const", dest="unit", const="lsb", help=f"{what} in steps of the weight grid")


def add_spike_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what a spike carries, and when neurons are checked."""
    default = "default: %(default)s"
    parser.add_argument("--spikes", choices=tuple(SPIKES), default="valued", help=f"what a spike carries ({default})")
    parser.add_argument("--schedule", choices=SCHEDULES, default="slot", help=f"when neurons are checked ({default})")


def add_force_argument(parser: argparse.ArgumentParser) -> None:
    """Add the leave to overwrite."""
    parser.add_argument("--force", action="store_true", help="overwrite what exists")
