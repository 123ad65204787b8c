"""``posetube bench``: how fast this machine tracks, where the time goes, and what is faster."""
