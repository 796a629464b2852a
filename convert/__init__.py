"""Conversion of a Keras model into a sigma-delta spiking network: model.h5 -> net.snn.h5."""
