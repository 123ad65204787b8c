"""The settings of a run: one tree of dataclasses for command line, Python and manifest.

``posetube track`` makes its options from this tree, ``posetube.track`` takes its branches as
arguments, ``run.json`` stores it, and a run is only resumed with the settings that it began with.
What does not change the result (how many frames are decoded ahead, how the overlay looks) is
declared with ``compare=False`` and may differ.
"""

from dataclasses import asdict, dataclass, field, fields, replace
from typing import Annotated, Any

from cyclopts import Parameter, validators

from posetube.errors import InputError
from posetube.network import Precision, Quality, Runtime
from posetube.quantities import Seconds
from posetube.setting_checks import check_choice, check_numbers

from ..datasets.video import VideoConfig
from ..tracker.config import LinkConfig, LinkPreset
from ..tracker.refiners.refine_config import OF_HEATMAPS, OF_JOINTS, RefineConfig, chain_of

FLAT = Parameter(name="*")
"""The options of this branch carry no prefix: ``--every``, not ``--video.every``."""

OVERLAY = Parameter(name="--overlay", negative=())
"""Its options are ``--overlay.*``; ``--overlay`` itself says whether there is one."""

MinJoint = Annotated[float | None, Parameter(validator=validators.Number(gte=0, lte=1))]
"""A score in [0, 1] from which a joint counts as known; None: the model or the run decides."""

RefinerWords = Annotated[
    str | None,
    Parameter(
        help="Refiners by name, separated by commas, in the order in which they work: "
        f"{', '.join(OF_HEATMAPS)} (these work on heatmaps, which a run keeps for them or draws "
        f"again from the video); {', '.join(OF_JOINTS)}; or none, for the joints as linked "
        f"[default: {','.join(RefineConfig().refiners)}]."
    ),
]
"""A chain of refiners in words; None: as the settings say."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DetectConfig:
    """How well the network looks, and what the detections say of each frame beside its people."""

    quality: Quality = "normal"
    """Speed against accuracy: ``fast`` looks at smaller pictures, ``best`` at each person also
    mirrored."""

    flip: bool = False
    """Look at each person also mirrored, at any quality; this takes about twice the time for
    joints."""

    runtime: Runtime = "auto"
    """What runs the network: ``torch``, or ``onnx`` (ONNX Runtime), which takes half the time on a
    processor and needs a model with graphs. ``auto``: ``onnx`` where that is so."""

    precision: Precision = "float32"
    """Number type of the convolutions of networks with a ResNet: ``auto`` is ``bfloat16`` where the
    device computes with it natively, and ``float32`` elsewhere and for all other networks."""

    detector_every: int = 1
    """Look for people in every n-th frame only; in the others, read their joints in boxes that
    follow from the frames around. The detector looks in between where that cannot be right."""

    workers: int | None = field(default=None, compare=False)
    """Frames that are looked at side by side; results do not depend on it. None: one per core
    where the network runs in one thread, else 1."""

    camera_motion: bool = True
    """Measure from the background how the camera moves, so that linking can follow it."""

    appearance: bool = True
    """Keep what each person looks like, so that linking can go by it; the network's first stage
    must look at single frames for that, as in all presets."""

    masks: bool = False
    """Keep which pixels each person covers; for networks with a mask head, such as
    ``mask_rcnn_r50``."""

    judge_boxes: bool = False
    """Let the network's box head judge, correct and suppress boxes from outside, as it does with
    its own proposals (Fast R-CNN); else they are taken for the people."""

    def __post_init__(self) -> None:
        check_choice(self, "quality", Quality)
        check_choice(self, "runtime", Runtime)
        check_choice(self, "precision", Precision)
        check_numbers(self, "detector_every", "workers", low=1)

    def on_any_device(self) -> "DetectConfig":
        """The same settings, with ``float32`` where bfloat16 was used and a device lacks it."""
        return replace(self, precision="auto") if self.precision == "bfloat16" else self


@dataclass(frozen=True, kw_only=True, slots=True)
class OverlayConfig:
    """What the overlay looks like."""

    boxes: bool = True
    """Whether boxes are drawn."""

    ids: bool = True
    """Whether ids or names are written."""

    tints: bool = True
    """Whether people are tinted where their masks are, if the run has some."""

    joints: bool = True
    """Whether joints and limbs are drawn."""

    sure_joint: float = 0.5
    """Joints less sure than this, in [0, 1], are faint and hollow."""

    trail: Seconds = 1.5
    """How long a trail is, seconds; 0: no trails."""

    heat_map: bool = False
    """Whether it glows where people have been so far."""

    blur_faces: bool = False
    """Whether the faces of the people found are made unrecognisable."""

    beside: bool = False
    """Whether the picture without drawings stands to the left."""

    def __post_init__(self) -> None:
        check_numbers(self, "sure_joint", low=0, high=1)
        check_numbers(self, "trail", low=0)


@dataclass(frozen=True, kw_only=True, slots=True)
class TrackConfig:
    """All settings of a run; input and model are not among them."""

    video: Annotated[VideoConfig, FLAT] = field(default_factory=VideoConfig)
    """Which frames."""

    detect: Annotated[DetectConfig, FLAT] = field(default_factory=DetectConfig)
    """How well the network looks, and what the detections say of each frame beside its people."""

    link: LinkConfig = field(default_factory=LinkConfig)
    """How detections become tracks."""

    refine: RefineConfig = field(default_factory=RefineConfig)
    """What makes the joints of tracks better and steadier."""

    min_joint: MinJoint = None
    """Joints less sure than this, in [0, 1], or outside the picture are absent from the tracks; 0
    keeps them all. None: the model's own threshold; all joints stay if it has none."""

    overlay: Annotated[OverlayConfig | None, OVERLAY] = field(
        default_factory=OverlayConfig, compare=False
    )
    """What the overlay looks like; None: no overlay."""

    report: Annotated[bool, Parameter(parse=False)] = field(default=False, compare=False)
    """Whether to make a page that shows the run."""

    def __post_init__(self) -> None:
        check_numbers(self, "min_joint", low=0, high=1)


PRESET_BRANCHES = ("offline", "paper")
"""Branches of the linking settings that only the preset of the same name reads."""


def with_words(
    config: DetectConfig,
    *,
    quality: Quality | None = None,
    runtime: Runtime | None = None,
    precision: Precision | None = None,
) -> DetectConfig:
    """The same settings with a quality, a runtime and a precision, where these are named."""
    return replace(
        config,
        quality=quality or config.quality,
        runtime=runtime or config.runtime,
        precision=precision or config.precision,
    )


def with_preset(config: LinkConfig, preset: LinkPreset | None) -> LinkConfig:
    """The settings of the command line with its ``--preset``, where one is named.

    Raises:
        InputError: If another was given as ``--link.preset``, or an option that the preset does not
            read.
    """
    if preset is not None and config.preset not in (preset, LinkConfig().preset):
        raise InputError(f"--preset is {preset}, --link.preset is {config.preset}; give one")
    chosen = config if preset is None else replace(config, preset=preset)
    for branch in PRESET_BRANCHES:
        if branch != chosen.preset and getattr(chosen, branch) != getattr(LinkConfig(), branch):
            raise InputError(f"--link.{branch}.*: only --preset {branch} reads these options")
    return chosen


def with_chain(config: RefineConfig, words: str | None) -> RefineConfig:
    """The settings of the command line with its ``--refine``, where it is given.

    Raises:
        InputError: If it names a refiner that there is not, or others were given as
            ``--refine.refiners``.
    """
    if words is not None and config.refiners not in (chain_of(words), RefineConfig().refiners):
        others = ",".join(config.refiners) or "none"
        raise InputError(f"--refine is {words}, --refine.refiners is {others}; give one")
    return config if words is None else replace(config, refiners=chain_of(words))


def detection_settings(config: TrackConfig) -> dict[str, Any]:
    """The settings that the detections depend on, by the names of their options."""
    return _compared(config.video) | _compared(config.detect)


def track_settings(config: TrackConfig) -> dict[str, Any]:
    """The settings that tracks depend on beside the detections, by the names of their options."""
    return link_settings(config.link) | {"min_joint": config.min_joint or 0.0}


def refine_settings(config: RefineConfig) -> dict[str, Any]:
    """The settings that refining depends on, by the names of their options.

    Leaves out the settings of refiners that are not in the chain.
    """
    given = {name: value for name, value in asdict(config).items() if name in config.branches}
    if config.refiners:
        given["max_gap"] = config.max_gap
    return {"refine": ",".join(config.refiners) or "none"} | _dotted("refine", given)


def link_settings(config: LinkConfig) -> dict[str, Any]:
    """The settings that linking depends on beside the detections, by the names of their options.

    Leaves out what the preset does not read.
    """
    unread = {*PRESET_BRANCHES} - {config.preset}
    given = {name: value for name, value in asdict(config).items() if name not in unread}
    if config.preset == "paper":
        given = {name: given[name] for name in ("preset", "cuts", "paper")}
    return _dotted("link", given)


def _compared(config: Any) -> dict[str, Any]:
    return {f.name: getattr(config, f.name) for f in fields(config) if f.compare}


def _dotted(prefix: str, given: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in given.items():
        path = f"{prefix}.{name}"
        found |= _dotted(path, value) if isinstance(value, dict) else {path: value}
    return found
