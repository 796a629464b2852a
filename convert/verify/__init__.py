"""The converted network beside the original.

Rule: compares, and changes neither.
"""
