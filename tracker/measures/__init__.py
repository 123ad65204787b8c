"""Measures of tracked people: angles, lengths, speeds, steps, and who is where."""
