"""Tests of ``convert``."""
