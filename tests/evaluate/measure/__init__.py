"""Tests of ``evaluate/measure``."""
