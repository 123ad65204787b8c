"""How good tracks are: pure functions over arrays, NumPy and SciPy only."""
