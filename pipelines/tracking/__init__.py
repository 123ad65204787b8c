"""Tracks videos: the stages of a run, the one place that goes through them, the commands."""
