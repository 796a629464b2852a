"""Tests of ``convert/read``."""
