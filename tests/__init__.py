"""Tests; a package, so that tests and benchmarks can share what writes their input."""
