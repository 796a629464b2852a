"""The papers' tables and figures by one command, beside the papers' own values.

Rule: a step is a command of tfsnn or the writing of one table or figure; nothing is measured here.
"""
