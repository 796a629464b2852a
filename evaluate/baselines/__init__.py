"""What the event network is compared with.

Rule: each baseline runs on the same samples and counts its operations the same way.
"""
