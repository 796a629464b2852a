"""What is said about an evaluation: content, and the page that shows it.

Rule: every text that comes from a file is escaped.
"""
