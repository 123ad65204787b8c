"""Measures of a run's people as tables and plots."""
