"""Records of Keras layers become populations and synapses.

Rule: one handler per layer class; every refusal says what to do instead.
"""
