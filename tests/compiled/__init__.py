"""Tests of ``tfsnn/compiled``."""
