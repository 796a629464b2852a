"""The fast engine.

Rule: equal to :mod:`tfsnn.eager.engine` bit for bit; only this folder knows how its kernels lay out memory.
"""
