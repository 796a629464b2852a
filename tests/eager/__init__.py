"""Tests of ``tfsnn/eager``."""
