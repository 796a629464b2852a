"""Tests of ``evaluate/report``."""
