"""What is known of a network's weights: their name, origin and licence."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class ModelInfo:
    """Where a network's weights came from."""

    name: str
    """What it is called: a name of ours, or the file's."""

    sha256: str | None = None
    """Of the weights file; None where there is none."""

    licence: str = "unknown"
    """Of the weights."""

    source: str = ""
    """How they were made, or where they were published."""

    parents: tuple[str, ...] = ()
    """The weights that these were made from, the nearest first: name, licence, SHA-256."""

    data: tuple[str, ...] = ()
    """What they were trained on, as far as it was trained by us."""

    training: str = ""
    """JSON of the settings, versions and state of the code of the training that made them."""

    def as_parent(self) -> tuple[str, ...]:
        """What weights that are made from these name as their parents."""
        return (f"{self.name}, {self.licence}, sha256 {self.sha256}", *self.parents)
