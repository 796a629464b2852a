"""Tests of ``tfsnn/keras_model``."""
