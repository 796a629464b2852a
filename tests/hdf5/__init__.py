"""Tests of ``tfsnn/hdf5``."""
