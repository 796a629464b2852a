"""The network as data: nodes, operations, the graph and its forward pass in real numbers.

Rule: knows no threshold and no grid.
"""
