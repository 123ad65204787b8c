"""A run on disk: its directory, its tables, and what to do where it is there already."""
