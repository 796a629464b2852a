"""Tests of ``evaluate/plots``."""
