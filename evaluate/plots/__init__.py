"""Pictures.

Rule: they draw what a report holds and measure nothing themselves.
"""
