"""What networks are made of, as frozen dataclasses: read from weights files without torch."""
