"""Predictions against truth: which files, which protocol, what report."""
