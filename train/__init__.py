"""Training: a recipe and a data set become model.h5."""
