"""The scripts in examples/ancestors: each shows what its paper is about, with a known answer."""

import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

FOLDER = Path(__file__).parents[1] / "examples" / "ancestors"


def script(name: str) -> Any:
    return runpy.run_path(str(FOLDER / f"{name}.py"))


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("*.py")))
def test_it_prints_its_answer(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    script(name)["main"]()

    assert capsys.readouterr().out


def test_a_classifier_over_the_whole_picture_equals_sliding_windows() -> None:
    overfeat = script("overfeat")
    torch.manual_seed(1)
    network, picture = overfeat["classifier"]().eval(), torch.rand(1, 1, 46, 30)

    with torch.inference_mode():
        dense = overfeat["as_convolutions"](network)(picture)
        slid = overfeat["by_windows"](network, picture)

    assert slid.shape == (1, 2, 9, 5)
    torch.testing.assert_close(dense, slid, atol=1e-5, rtol=0)


def test_each_part_of_a_region_reads_its_own_map() -> None:
    votes = script("r_fcn")["votes"]
    # eight maps, the class's parts one after the other, each of one value
    maps = torch.arange(8.0)[None, :, None, None].expand(1, 8, 12, 12).contiguous()

    found = votes(maps, torch.tensor([[0.0, 2, 2, 8, 8]]))

    assert found.tolist() == [[1.5, 5.5]]


def test_places_in_a_region_are_told_apart() -> None:
    r_fcn = script("r_fcn")
    images, regions, upright = r_fcn["pictures"](100, seed=7)
    network = r_fcn["trained"]()

    found = network(images, regions).argmax(dim=1)

    assert (found == upright).float().mean() > 0.95


def test_enlarging_begins_as_interpolation() -> None:
    maps = torch.rand(1, 2, 6, 6)

    found = script("fcn")["bilinear"](2, factor=2)(maps)

    wanted = functional.interpolate(maps, scale_factor=2, mode="bilinear", align_corners=False)
    inner = slice(2, -2)  # beyond the border the layer sees zeros, interpolation the last cell
    torch.testing.assert_close(found[..., inner, inner], wanted[..., inner, inner])


@pytest.mark.slow
def test_shape_tells_discs_better_than_brightness() -> None:
    fcn = script("fcn")
    images, discs = fcn["pictures"](32, seed=5)
    bright = images[:, 0] > 0.5

    found = fcn["overlap"](fcn["trained"](), images, discs)

    assert found > 0.1 + float((bright & (discs > 0)).sum() / (bright | (discs > 0)).sum())


def test_a_rough_mask_of_two_colours_finds_its_edge() -> None:
    grabcut = script("grabcut")
    mask = np.zeros((120, 160), bool)
    mask[30:90, 40:110] = True
    mask[60:90, 40:70] = False  # an inner corner, which few cells round off
    picture = np.where(mask[..., None], (200, 40, 40), (30, 60, 160)).astype(np.uint8)
    soft, (x1, y1, x2, y2) = grabcut["rough"](mask)

    found = grabcut["refined"](np.ascontiguousarray(picture[y1:y2, x1:x2]), soft)

    assert grabcut["overlap"](found, mask[y1:y2, x1:x2]) == 1


@pytest.mark.slow
def test_masks_of_drawn_people_come_nearer_to_the_truth() -> None:
    before, after = np.mean(script("grabcut")["overlaps"](frames=2), axis=0)

    assert after > before


@pytest.mark.parametrize("size", [(6, 6), (13, 29), (40, 7)])
def test_maps_of_any_size_give_fifty_numbers_per_channel(size: tuple[int, int]) -> None:
    maps = torch.rand(2, 3, *size)

    found = script("spp_net")["pyramid"](maps)

    assert found.shape == (2, 150)
    assert torch.equal(found[:, :3], maps.amax(dim=(2, 3)))
    assert torch.equal(found[0, 3], maps[0, 0, : -(-size[0] // 2), : -(-size[1] // 2)].max())


def test_pictures_of_sizes_never_seen_are_told_apart() -> None:
    spp_net = script("spp_net")
    images, ways = spp_net["pictures"](50, (31, 44), seed=2000)

    found = spp_net["trained"]()(images).argmax(dim=1)

    assert (found == ways).float().mean() > 0.95


def test_pyramids_with_parts_left_out_see_what_is_left() -> None:
    fpn = script("fpn_variants")
    seen = {name: fpn["influence"](kind) for name, kind in fpn["VARIANTS"].items()}

    upper = np.triu(np.ones((4, 4), bool)).tolist()  # a level sees its stage and coarser ones
    assert seen["whole"] == [*upper, upper[-1]]
    own = np.eye(4, dtype=bool).tolist()
    assert seen["bottom-up"] == [*own, own[-1]]
    assert seen["without laterals"] == 5 * [own[-1]]
    assert seen["finest"] == [upper[0]]
