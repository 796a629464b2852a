"""Tests of ``convert/verify``."""
