"""Pages that show a run: a report that opens from disk, and one in which people correct it."""
