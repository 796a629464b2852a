"""Tests of ``tfsnn/input``."""
