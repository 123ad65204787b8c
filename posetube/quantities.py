"""Marks numbers by their unit, so that the command line knows which of them may carry one."""

from typing import Annotated

Seconds = Annotated[float, "seconds"]
"""A time or a duration in seconds."""
