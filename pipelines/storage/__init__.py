"""Stores a run on disk: its directory, its manifest, its tables."""
