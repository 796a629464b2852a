"""Keras files and live models become plain records.

Rule: reads configuration and weights, instantiates and executes nothing.
"""
