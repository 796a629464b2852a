"""The engine that defines the semantics, one line per equation, in TensorFlow.

Rule: readable first; nothing here is an optimization.
"""
