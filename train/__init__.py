"""Training: a recipe and a data set become model.h5.

Rule: a recipe is plain values; nothing that decides a training stands elsewhere.
"""
