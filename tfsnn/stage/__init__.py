"""What all stages do at their edges: guarded output, provenance, progress and tables.

Rule: knows nothing of networks.
"""
