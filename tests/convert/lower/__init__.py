"""Tests of ``convert/lower``."""
