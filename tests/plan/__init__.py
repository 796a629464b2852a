"""Tests of ``tfsnn/plan``."""
