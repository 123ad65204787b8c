"""Arrays in, tracks out: linking, filters, metrics. NumPy, SciPy and lap; no torch, no files."""
