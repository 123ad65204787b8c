"""The bounds of numbers in configurations, which may come from anybody's weights file.

The bounds lie far beyond every network that is known. A number beyond them could only fill the
memory or run for ever.
"""

WIDEST = 65_536
"""Channels of a layer."""

DEEPEST = 100
"""Layers in a row."""

MOST_TUBES = 20_000
"""Tubes that suppression compares with one another."""

MOST_SAMPLES = 64
"""Points per side that a pooled value is the mean of."""

LONGEST = 8192
"""Side of the network's input, pixels."""

LARGEST = 1e6
"""Any other number."""
