"""Tests of ``tfsnn/compiled/kernel``."""
