"""Distrustful reading of HDF5 files.

Rule: a leaf; it knows no model and no network, and executes, unpickles and follows nothing.
"""
