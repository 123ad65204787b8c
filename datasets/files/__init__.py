"""Reads others' files within bounds: JSON, MATLAB, NumPy, HDF5."""
