"""Tests of ``tfsnn/network``."""
