"""Weights on disk: our own files, and conversion of other programs' files."""
