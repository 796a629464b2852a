"""What a run is measured by: scores, curves, sizes, energy.

Rule: pure functions of results; draws and prints nothing.
"""
