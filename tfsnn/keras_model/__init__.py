"""The user's Keras model: loaded, and run tensor by tensor.

Rule: Keras is imported where it is used; knows nothing of networks of events.
"""
