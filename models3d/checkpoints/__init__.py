"""Weights on disk: ours, and other programs' turned into ours."""
