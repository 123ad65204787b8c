"""The commands ``posetube data``: check, convert, preview and archive data sets, draw new ones."""
