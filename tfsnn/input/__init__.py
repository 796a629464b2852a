"""How data become events and frames: streams, encoders, data sets.

Rule: knows nothing of the network that receives them.
"""
