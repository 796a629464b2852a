"""Benchmarks: they report figures and assert none; run as ``python -m tests.benchmarks.NAME``."""
