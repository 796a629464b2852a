"""Evaluation: net.snn.h5 and spike streams become a report: accuracy against operations."""
