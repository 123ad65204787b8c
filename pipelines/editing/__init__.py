"""Corrections by people: how they are spelled, kept beside a run, and replayed."""
