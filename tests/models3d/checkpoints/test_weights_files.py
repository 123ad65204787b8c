"""Files of ours, models by name, and the download of published ones."""

import hashlib
import http.server
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from posetube.errors import InputError, WeightsError
from posetube.models3d import load_network
from posetube.models3d.checkpoints.config_json import RETIRED, from_json, to_json
from posetube.models3d.checkpoints.convert import Converted
from posetube.models3d.checkpoints.fetch import download, fetch_weights, verify
from posetube.models3d.checkpoints.published import (
    PUBLISHED,
    PublishedModel,
    cache_folder,
    published,
)
from posetube.models3d.checkpoints.weights_header import FORMAT
from posetube.models3d.checkpoints.weights_io import load_weights, save_weights
from posetube.models3d.model_info import ModelInfo
from posetube.models3d.presets import PRESETS, keypoint_rcnn_r50, tiny
from posetube.models3d.tube_rcnn import TubeRCNN
from tests.models3d.small_networks import small_anchor_rcnn


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_a_configuration_survives_json(name: str) -> None:
    config = PRESETS[name]()

    assert from_json(to_json(config), source="here") == config


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            ('"kind":"PathAggregationConfig"', '"kind":"Unheard"'),
            "model.safetensors: its configuration",
        ),
        (('"skeleton":"coco19"', '"skeleton":7'), "unknown to this version of posetube"),
        (('"clip_length":1', '"clip_length":1,"colour":2'), "TubeRCNNConfig has no colour"),
        (('"clip_length":1', '"clip_length":2'), "odd number of frames"),
    ],
)
def test_a_foreign_configuration_is_refused(change: tuple[str, str], message: str) -> None:
    text = to_json(tiny()).replace(*change)

    with pytest.raises(WeightsError, match=message):
        from_json(text, source="model.safetensors")


def test_the_embedded_model_of_an_earlier_version_is_refused_in_one_line(tmp_path: Path) -> None:
    file = tmp_path / "old.safetensors"
    config = {"kind": "TubeRCNNConfig", "body": {"kind": "MobileBodyConfig"}}
    header = {"format": FORMAT, "config": json.dumps(config)}
    save_file({"x": torch.zeros(1)}, file, metadata=header)

    with pytest.raises(
        WeightsError, match=r"old\.safetensors: belongs to the embedded model of an earlier version"
    ):
        load_network(file)


@pytest.mark.parametrize(("owner", "name"), sorted(RETIRED))
def test_fields_of_earlier_versions_are_read_with_today_s_only_value(owner: str, name: str) -> None:
    config = keypoint_rcnn_r50()
    kind = f'"kind":"{owner}"'
    value = msgspec.json.encode(RETIRED[owner, name]).decode()

    text = to_json(config).replace(kind, f'{kind},"{name}":{value}', 1)
    other = to_json(config).replace(kind, f'{kind},"{name}":"another"', 1)

    assert from_json(text, source="here") == config
    with pytest.raises(WeightsError, match=f"here: its configuration .* {owner} has no {name}"):
        from_json(other, source="here")


@pytest.mark.slow
def test_a_file_describes_itself(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = TubeRCNN(replace(tiny(), clip_length=3))
    info = ModelInfo(name="mine", licence="MIT", source="made up")

    save_weights(model, tmp_path / "mine.safetensors", info=info)
    back = load_weights(tmp_path / "mine.safetensors")

    assert back.config == model.config
    assert not back.training
    content = (tmp_path / "mine.safetensors").read_bytes()
    assert back.info == replace(info, sha256=hashlib.sha256(content).hexdigest())
    for name, tensor in model.state_dict().items():
        assert torch.equal(back.state_dict()[name], tensor), name
    assert [file.name for file in tmp_path.iterdir()] == ["mine.safetensors"]


def test_half_precision_halves_the_file_and_is_widened(tmp_path: Path) -> None:
    save_weights(TubeRCNN(tiny()), tmp_path / "half.safetensors", dtype=torch.float16)

    assert (tmp_path / "half.safetensors").stat().st_size < 5e6
    assert {p.dtype for p in load_weights(tmp_path / "half.safetensors").parameters()} == {
        torch.float32
    }


def test_weights_that_do_not_fit_are_named(tmp_path: Path) -> None:
    file = tmp_path / "odd.safetensors"
    save_weights(TubeRCNN(tiny()), file)
    tensors = load_file(file)
    header = _header(file)
    spare = {**tensors, "extra": torch.zeros(1)}
    del spare["neck.out.0.pointwise.bias"]
    save_file(spare, file, metadata=header)
    with pytest.raises(WeightsError, match=r"missing: neck.out.0.pointwise.bias; left over: extra"):
        load_weights(file)

    save_file({**tensors, "neck.out.0.pointwise.bias": torch.zeros(3)}, file, metadata=header)
    with pytest.raises(
        WeightsError, match=r"neck.out.0.pointwise.bias has shape \(3,\), expected \(64,\)"
    ):
        load_weights(file)


def _header(file: Path) -> dict[str, str]:
    from safetensors import safe_open

    with safe_open(file, "pt") as content:
        header: dict[str, str] = content.metadata()
    return header


def test_files_that_are_not_ours_are_refused(tmp_path: Path) -> None:
    foreign, broken = tmp_path / "foreign.safetensors", tmp_path / "broken.safetensors"
    save_file({"x": torch.zeros(1)}, foreign)
    broken.write_bytes(b"nothing of the kind")

    with pytest.raises(WeightsError, match="expected a weights file of ours"):
        load_network(foreign)
    with pytest.raises(WeightsError, match="not a safetensors file"):
        load_network(str(broken))


@pytest.mark.parametrize("name", ["nobody", "no/such.safetensors", "../tiny"])
def test_unknown_models_are_named(name: str) -> None:
    with pytest.raises(WeightsError, match=f"no weights file {name}, and no model of that name"):
        load_network(name)


def test_models_that_were_not_fetched_say_how(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POSETUBE_MODELS", str(tmp_path))

    with pytest.raises(WeightsError, match="'posetube models fetch keypoint_rcnn_r50' downloads"):
        load_network("keypoint_rcnn_r50")


def test_a_device_that_is_not_there_is_named() -> None:
    with pytest.raises(InputError, match="device 'nowhere' cannot be used"):
        load_network("tiny", device="nowhere")


# --- published models ---------------------------------------------------------------------------


def test_every_published_model_has_an_address_and_a_licence() -> None:
    for name, model in PUBLISHED.items():
        assert model.name == name
        assert model.url.startswith("https://")
        assert model.licence
        assert model.checksum is not None or not model.direct


def test_unknown_published_models_are_named() -> None:
    with pytest.raises(WeightsError, match="no published model is called 'x'; there are keypoint"):
        published("x")


def test_fetched_models_lie_in_the_users_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("POSETUBE_MODELS", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")

    assert cache_folder() == Path("/somewhere/posetube/models")


class Shop(http.server.BaseHTTPRequestHandler):
    """Serves one file, in parts where asked; breaks off where told to."""

    content = bytes(range(256)) * 40
    breaks_off_at: int | None = None
    asked: list[str | None] = []  # noqa: RUF012

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        self.asked.append(wanted)
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
        if start >= len(self.content):
            self.send_error(416)
            return
        rest = self.content[start:]
        self.send_response(206 if wanted else 200)
        self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        self.wfile.write(rest[: self.breaks_off_at])

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def shop() -> Iterator[str]:
    Shop.breaks_off_at, Shop.asked = None, []
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Shop) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/weights.bin"
        server.shutdown()


def test_a_download_goes_on_where_it_broke_off(shop: str, tmp_path: Path) -> None:
    file = tmp_path / "weights.bin"
    Shop.breaks_off_at = 1000
    with pytest.raises(WeightsError, match="broke off at 1000 of 10240 bytes|cannot be reached"):
        download(shop, file)
    Shop.breaks_off_at = None
    seen: list[tuple[int, int | None]] = []

    download(shop, file, report=lambda done, total: seen.append((done, total)))

    assert file.read_bytes() == Shop.content
    assert Shop.asked == [None, "bytes=1000-"]
    assert seen[-1] == (10240, 10240)


def test_a_download_that_was_complete_is_taken(shop: str, tmp_path: Path) -> None:
    (tmp_path / "weights.bin.part").write_bytes(Shop.content)

    download(shop, tmp_path / "weights.bin")

    assert (tmp_path / "weights.bin").read_bytes() == Shop.content


def test_a_wrong_checksum_removes_the_file(tmp_path: Path) -> None:
    file = tmp_path / "weights.bin"
    file.write_bytes(b"something else")
    model = replace(PUBLISHED["keypoint_rcnn_r50"], checksum="fc266e95")

    with pytest.raises(WeightsError, match="expected a file whose sha256 begins with fc266e95"):
        verify(file, model)

    assert not file.exists()


def test_without_a_network_one_line_says_so(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"cannot be reached .* when there is a network"):
        download("http://127.0.0.1:9/weights.bin", tmp_path / "weights.bin")


def test_what_must_be_downloaded_by_hand_says_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POSETUBE_MODELS", str(tmp_path))

    with pytest.raises(WeightsError, match=r"only be downloaded by hand, from https://cmu.box.com"):
        fetch_weights(PUBLISHED["detect_and_track_r18"])


def test_what_was_fetched_is_converted_verified_and_found(
    shop: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POSETUBE_MODELS", str(tmp_path))
    made = TubeRCNN(small_anchor_rcnn())

    def converted(file: Path) -> Converted:
        assert file.read_bytes() == Shop.content
        return Converted(model=made, layout="a stand-in", unused=(), fresh=())

    # published files are large; what their conversion gives is compared in test_convert.py
    monkeypatch.setattr("posetube.models3d.checkpoints.fetch.convert_weights", converted)
    model = PublishedModel(
        name="keypoint_rcnn_r50",
        about="a stand-in",
        url=shop.replace("weights.bin", "weights.safetensors"),
        checksum=hashlib.sha256(Shop.content).hexdigest(),
        licence="MIT",
        metrics="none",
    )
    try:
        file = fetch_weights(model)
        again = fetch_weights(model)
    finally:
        Shop.content = bytes(range(256)) * 40

    assert file == again == tmp_path / "keypoint_rcnn_r50.safetensors"
    assert len(Shop.asked) == 1
    found = load_network("keypoint_rcnn_r50")
    assert found.info.licence == "MIT"
    assert found.info.source == model.url
    np.testing.assert_array_equal(
        found.state_dict()["box_head.score.bias"].numpy(),
        made.state_dict()["box_head.score.bias"].numpy(),
    )
