"""Keeps the numbers of configurations within bounds: they may come from anybody's weights file.

The bounds lie far beyond every network that is known. A number beyond them could only fill the
memory or run for ever.
"""

from itertools import chain

from posetube.errors import InputError

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


def check_bounds(config: object, *names: str, least: float, most: float) -> None:
    """Check fields of a configuration: numbers, and tuples of numbers; None passes.

    Raises:
        InputError: If one is not in [least, most], or a tuple is empty.
    """
    for name in names:
        value = getattr(config, name)
        if value is None:
            continue
        numbers = _flat(value)
        if not numbers or not all(least <= number <= most for number in numbers):  # NaN is outside
            kind = type(config).__name__
            raise InputError(f"{kind}.{name} must be in [{least:g}, {most:g}], got {value}")


def _flat(value: object) -> list[float]:
    if isinstance(value, tuple):
        return list(chain.from_iterable(map(_flat, value)))
    assert isinstance(value, int | float)
    return [value]
