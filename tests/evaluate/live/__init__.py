"""Tests of tfsnn/evaluate/live."""
