"""Tests of ``evaluate/reproduce``."""
