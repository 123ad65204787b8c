"""Files that somebody else wrote, read within bounds: JSON, MATLAB, NumPy, HDF5."""
