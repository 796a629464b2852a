"""Tests of ``evaluate``."""
