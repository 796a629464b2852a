"""The loops that are compiled.

Rule: numba and numpy only, nothing is raised or printed; this folder is the key of the compilation cache.
"""
