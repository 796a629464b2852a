"""A graph at given thresholds, in whole numbers of grid steps.

Rule: everything that both engines must agree on is decided here.
"""
