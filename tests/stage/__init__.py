"""Tests of ``tfsnn/stage``."""
