"""A network's configuration as JSON, so that a weights file says how to build its network.

Every configuration carries the name of its class under ``kind``: a reader chooses a part's class
among the kinds of that part (:mod:`..parts`). Everything else follows from the fields' types.
"""

import dataclasses
import types
import typing
from typing import Any

import msgspec

from posetube.errors import WeightsError

from ..configs.networks import AnchorRCNNConfig, TubeRCNNConfig, narrowed
from ..parts import PARTS, config_class
from .refusal import refused

KIND = "kind"

RETIRED: dict[tuple[str, str], Any] = {
    ("KeypointHeadConfig", "prior"): False,
    ("ProposalConfig", "convolution"): "full",
    ("PreprocessConfig", "pad_value"): 0.0,
}
"""Fields that earlier versions wrote, with the only value that today's networks have."""

FIRST_EMBEDDED = "MobileBodyConfig"
"""Body of the embedded model before today's."""


def to_json(config: TubeRCNNConfig) -> str:
    """Write a configuration as JSON."""
    return msgspec.json.encode(_to_plain(config)).decode()


def from_json(text: str, *, source: str) -> TubeRCNNConfig:
    """Read a configuration.

    Args:
        text: From :func:`to_json`.
        source: What error messages call the file that it came from.

    Raises:
        WeightsError: If this version does not know such a configuration.
    """
    if FIRST_EMBEDDED in text:
        raise WeightsError(
            f"{source}: belongs to the embedded model of an earlier version, which this one cannot "
            "run; take tiny instead, or train again from it"
        )
    with refused(source, "its configuration is unknown to this version of posetube"):
        config = _from_plain(msgspec.json.decode(text), TubeRCNNConfig | AnchorRCNNConfig)
    assert isinstance(config, TubeRCNNConfig)
    return narrowed(config)


def _to_plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        fields = {f.name: _to_plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
        return {KIND: type(value).__name__, **fields}
    return value


def _from_plain(plain: Any, hint: Any, field: str = "") -> Any:
    """Build the value of a field from its type."""
    choices = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    classes: dict[str, Any] = {c.__name__: c for c in choices if dataclasses.is_dataclass(c)}  # type: ignore[union-attr]
    if (plain is None and types.NoneType in choices) or not (classes or field in PARTS):
        return msgspec.convert(plain, hint)
    plain = dict(plain)
    name = plain.pop(KIND)
    chosen = config_class(field, name) if field in PARTS else classes[name]
    retired = {name: value for (owner, name), value in RETIRED.items() if owner == chosen.__name__}
    plain = {n: v for n, v in plain.items() if n not in retired or retired[n] != v}
    hints = typing.get_type_hints(chosen)
    unknown = plain.keys() - hints.keys()
    # a later version's field may change what the network does, so it is not passed over
    if unknown:
        raise TypeError(f"{chosen.__name__} has no {', '.join(sorted(unknown))}")
    return chosen(**{name: _from_plain(value, hints[name], name) for name, value in plain.items()})
