"""Draws people at random: how tall and wide they are, what they wear, their hair and skin."""

from dataclasses import dataclass

import numpy as np

from .body import Figure
from .rig import Bones
from .texture import (
    HAIR,
    SKIN,
    Texture,
    fabric_texture,
    fractal_noise,
    head_texture,
    random_colour,
    skin_texture,
)


def random_figure(rng: np.random.Generator, *, outfit: np.random.Generator | None = None) -> Figure:
    """Draw a person at random.

    Args:
        rng: Random generator of the body.
        outfit: Random generator of the clothes; those of equal state give the same clothes.
    """
    clothes = outfit or rng
    child = rng.random() < 0.08
    scale = rng.uniform(0.62, 0.8) if child else float(np.clip(rng.normal(1, 0.05), 0.88, 1.14))
    tone = SKIN[rng.integers(len(SKIN))] * rng.uniform(0.94, 1.05)
    hair = HAIR[rng.integers(len(HAIR))]
    bald = rng.random() < 0.06
    feminine = rng.random() < 0.5
    worn = _dressed(clothes, rng, tone, skirts=feminine)
    textures = worn.textures
    textures["head"] = head_texture(rng, tone, hair, bald=bald)
    strands = fractal_noise(rng, 64, 32, coarse=12, fall=0.9).T
    textures["hair"] = hair * (1 + 0.09 * strands[..., None])
    bones = Bones(
        shoulders=float(rng.normal(0.178 if feminine else 0.196, 0.007)),
        hips=float(rng.normal(0.107 if feminine else 0.101, 0.004)),
        head=0.25 / scale**0.5,  # a child's head is large for its body
    ).scaled(scale)
    return Figure(
        bones=bones,
        scale=scale,
        girth=float(np.clip(rng.normal(0.97, 0.1), 0.8, 1.35)),
        chest_depth=float(rng.uniform(1.0, 1.15) if feminine else rng.uniform(0.92, 1.05)),
        sleeve=worn.sleeve,
        cut=worn.cut,
        shirt=worn.shirt,
        textures=textures,
        hem=worn.hem,
        hair=0.0 if bald else float(rng.uniform(1.04, 1.16)),
        long_hair=float(rng.uniform(0.8, 1.9)) if feminine and rng.random() < 0.7 else 0.0,
    )


@dataclass(frozen=True, kw_only=True)
class _Outfit:
    """Clothes; the fields are those of :class:`posetube.datasets.synthetic.body.Figure`."""

    textures: dict[str, Texture]
    hem: float
    sleeve: float
    cut: float
    shirt: float


def _dressed(
    clothes: np.random.Generator, rng: np.random.Generator, tone: Texture, *, skirts: bool
) -> _Outfit:
    """Textures of clothes and bare skin, for all parts of the body but the head."""
    bare = skin_texture(rng, tone)
    top = fabric_texture(clothes)
    bottom = fabric_texture(clothes, plain=clothes.random() < 0.85, bright=0.12)
    shoe = fabric_texture(clothes, plain=True, bright=0.1)
    # Lengths of sleeves and legs count in bones: 1 ends at the elbow or knee, 2 covers the limb.
    arm = float(clothes.choice([0.0, 0.5, 1.0, 2.0], p=[0.1, 0.4, 0.1, 0.4]))
    leg = float(clothes.choice([0.3, 0.9, 2.0], p=[0.12, 0.22, 0.66]))
    skirt = clothes.random() < 0.25
    hem = float(clothes.uniform(0.6, 1.5)) if skirt and skirts else 0.0
    if hem and clothes.random() < 0.5:
        bottom = top  # a dress
    if hem:
        leg = 2.0 if clothes.random() < 0.3 else min(hem, 1.0) * 0.95
    chest = _front(top, bare, clothes)
    textures = {
        "chest": chest,
        "pelvis": np.concatenate([bottom[8:44], top[:12]]),
        "upper_arm": _covered(top, bare, arm),
        "forearm": _covered(top, bare, arm - 1),
        "hand": bare[:1, :1],
        "neck": bare * np.linspace(0.94, 0.72, len(bare), dtype=np.float32)[:, None, None],
        "thigh": _covered(bottom, bare, leg),
        "shank": _covered(bottom, bare, leg - 1),
        "foot": shoe,
        "skirt": bottom,
        "shirt": top[::-1],
    }
    return _Outfit(
        textures=textures,
        hem=hem,
        sleeve=float(clothes.uniform(1.04, 1.32)),
        cut=float(clothes.uniform(0.1, 1.0)) if leg == 2.0 and not hem else 0.0,
        shirt=0.0 if hem or clothes.random() < 0.35 else float(clothes.uniform(0.8, 1.6)),
    )


def _front(top: Texture, bare: Texture, clothes: np.random.Generator) -> Texture:
    """The texture of the trunk, with what only its front has: a collar, buttons or a zip."""
    chest = top.copy()
    rows, middle = len(chest), chest.shape[1] // 2
    depth, wide = int(clothes.integers(3, 12)), int(clothes.integers(6, 11))
    for row in range(depth):
        half = round(wide * (1 - row / depth))
        chest[rows - 1 - row, middle - half : middle + half] = bare[0, : 2 * half]
    if clothes.random() < 0.4:
        step = int(clothes.choice([1, 5]))
        chest[: rows - depth : step, middle : middle + 2] = random_colour(clothes)
    return chest


def _covered(cloth: Texture, bare: Texture, share: float) -> Texture:
    """The texture of a limb: cloth over the first ``share`` of it, then skin."""
    rows = round(min(max(share, 0.0), 1.0) * len(bare))
    return np.concatenate([cloth[:rows], bare[rows:]])
