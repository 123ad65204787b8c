"""The configuration of a synthetic clip: :class:`SceneConfig`."""

from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from posetube.errors import InputError
from posetube.quantities import Seconds
from posetube.setting_checks import check_choice, check_numbers

from .actor import Role
from .camera import CameraKind


@dataclass(frozen=True, kw_only=True)
class SceneConfig:
    """What a synthetic clip shows."""

    people: int = 4
    """Number of people per shot, 1 to 10."""

    seconds: Seconds = 4.0
    """Length of the clip."""

    rate: float = 25.0
    """Frames per second."""

    size: tuple[int, int] = (360, 640)
    """(H, W), pixels."""

    camera: CameraKind = "static"
    """How the camera moves."""

    roles: tuple[Role, ...] = ("cross", "cross", "stay", "enter", "leave", "roam")
    """What people do; each takes the next of these, again from the first when they run out."""

    person_height: tuple[float, float] = (0.4, 0.8)
    """Heights of the farthest and of the nearest person, as shares of the picture's height."""

    occluders: int = 1
    """Number of pillars, bushes and boards among the people."""

    same_clothes: bool = False
    """Whether all people wear the same clothes."""

    motion_blur: float = 0.0
    """Share of a frame's time for which the shutter is open, in [0, 1]."""

    noise: float = 3.0
    """Standard deviation of the sensor's noise, in levels of 255."""

    light_change: float = 0.0
    """How much the brightness varies, as a share of it, in [0, 0.9]."""

    dropped: float = 0.0
    """Share of the frames that are left out, which leaves gaps in time, in [0, 0.9]."""

    duplicated: float = 0.0
    """Share of the frames that repeat the frame before, in [0, 0.9]."""

    shots: int = 1
    """Number of shots; each has a scene and people of its own."""

    mocap: Path | None = None
    """Folder with motion capture (``.npz``, ``.amc``, ``.bvh``) that some people follow."""

    def __post_init__(self) -> None:
        check_numbers(self, "people", low=1, high=10)
        check_numbers(self, "shots", low=1, high=100)
        check_numbers(self, "occluders", low=0, high=20)
        check_numbers(self, "seconds", low=0.04, high=3600)
        check_numbers(self, "rate", low=1, high=240)
        check_numbers(self, "motion_blur", low=0, high=1)
        check_numbers(self, "noise", low=0, high=64)
        for name in ("light_change", "dropped", "duplicated"):
            check_numbers(self, name, low=0, high=0.9)
        check_size(self.size, "SceneConfig")
        check_rising(self, "person_height", 0.02, 3)
        if not self.roles:
            raise InputError("SceneConfig.roles must name at least one role, got none")
        for role in self.roles:
            if role not in get_args(Role):
                raise InputError(
                    f"SceneConfig.roles: no role is called {role!r}; "
                    f"there are {', '.join(get_args(Role))}"
                )
        check_choice(self, "camera", CameraKind)


def check_rising(config: object, name: str, low: float, high: float) -> None:
    """Raise an InputError if a pair (least, greatest) does not rise within [low, high]."""
    least, greatest = getattr(config, name)
    if not low <= least <= greatest <= high:
        kind, got = type(config).__name__, (least, greatest)
        raise InputError(f"{kind}.{name} must rise within [{low}, {high}], got {got}")


def check_size(size: tuple[int, int], kind: str) -> None:
    """Raise an InputError if a picture's size (H, W) is not from 32 to 4096 pixels."""
    if min(size) < 32 or max(size) > 4096:
        raise InputError(f"{kind}.size must be (H, W) from 32 to 4096, got {size}")
