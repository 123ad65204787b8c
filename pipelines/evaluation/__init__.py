"""Compares predictions with truth by named protocols."""
