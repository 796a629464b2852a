"""Tests of ``evaluate/baselines``."""
