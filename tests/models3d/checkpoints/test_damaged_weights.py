"""Weights files that are damaged, or made to do harm: one line each, and nothing else."""

import json
import pickle
import random
import resource
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load, save_file

from posetube.errors import WeightsError
from posetube.models3d.checkpoints.convert import convert_weights, read_arrays
from posetube.models3d.checkpoints.weights_io import load_weights, save_weights
from posetube.models3d.tube_rcnn import TubeRCNN
from tests.models3d.small_networks import small_tiny

Header = dict[str, Any]


@pytest.fixture(scope="module")
def sound() -> bytes:
    """The file of a small network of the embedded model's kind."""
    torch.manual_seed(0)
    path = Path("sound.safetensors").absolute()
    try:
        save_weights(TubeRCNN(small_tiny()), path, dtype=torch.float16)
        return path.read_bytes()
    finally:
        path.unlink()


def split(content: bytes) -> tuple[Header, bytes]:
    """The header and the numbers of a file."""
    end = 8 + struct.unpack("<Q", content[:8])[0]
    header: Header = json.loads(content[8:end])
    return header, content[end:]


def joined(header: Header, numbers: bytes) -> bytes:
    """The file with this header and these numbers."""
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + numbers


def with_config(header: Header, change: Callable[[Header], None]) -> None:
    """Change the configuration in a header."""
    config = json.loads(header["__metadata__"]["config"])
    change(config)
    header["__metadata__"]["config"] = json.dumps(config)


def setting(*place: str, to: object) -> Callable[[Header], None]:
    """Changes one value of the configuration."""

    def change(header: Header) -> None:
        def edit(config: Header) -> None:
            for name in place[:-1]:
                config = config[name]
            config[place[-1]] = to

        with_config(header, edit)

    return change


def metadata(**values: str) -> Callable[[Header], None]:
    """Changes texts of the header."""
    return lambda header: header["__metadata__"].update(values)


REFUSED: dict[str, tuple[Callable[[Header], None], str]] = {
    "no configuration": (
        lambda header: header["__metadata__"].pop("config"),
        "its configuration is missing",
    ),
    "nested": (metadata(config="[" * 100_000), "configuration is unknown .*: .*recursion"),
    "no object": (metadata(config="7"), "configuration is unknown"),
    "no part": (setting("neck", to=None), "configuration is unknown"),
    "a list for a part": (setting("neck", to=[1]), "configuration is unknown"),
    "a part without kind": (setting("neck", to={}), "configuration is unknown"),
    "wide": (
        setting("neck", "channels", to=2**70),
        r"PathAggregationConfig.channels must be in \[1, 65536\], got 1180591620717411303424",
    ),
    "many layers": (
        setting("body", "blocks", to=[1, 2, 10**9, 1]),
        r"CSPBodyConfig.blocks must be in \[0, 100\]",
    ),
    "wider than the file": (
        setting("body", "channels", to=[60_000] * 4),
        r"has shape \(.*\), expected \(.*60000.*\)",
    ),
    "large picture": (setting("preprocess", "long_side", to=10**9), r"long_side must be in \[1, "),
    "infinite number": (setting("preprocess", "mean", to=[1e300] * 3), r"mean must be in \[-1e"),
    "long clip": (setting("clip_length", to=10**9 + 1), r"clip_length must be in \[1, 255\]"),
    "even kernel": (setting("neck", "time", to=2), "no network that can be built: time kernels"),
    "kernel of nothing": (setting("neck", "time", to=-1), "no network that can be built"),
    "kernel beyond the file": (setting("neck", "time", to=3), "has shape .*, expected .* 3, "),
    "crop that is none": (setting("keypoint_head", "size", to=[0, 0]), "size must be"),
    "odd channels": (
        setting("body", "channels", to=[3, 5, 7, 9]),
        r"no network that can be built|has shape",
    ),
    "foreign format": (
        metadata(format="\x1b[31mother"),
        "expected a weights file of ours",
    ),
}


@pytest.mark.parametrize("case", sorted(REFUSED))
def test_a_damaged_header_is_refused_in_one_line(case: str, sound: bytes, tmp_path: Path) -> None:
    change, message = REFUSED[case]
    header, numbers = split(sound)
    change(header)
    file = tmp_path / "damaged.safetensors"
    file.write_bytes(joined(header, numbers))

    with pytest.raises(WeightsError, match=rf"damaged\.safetensors: .*{message}"):
        load_weights(file)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_weights_that_are_no_finite_numbers_are_refused(
    value: float, sound: bytes, tmp_path: Path
) -> None:
    file, name = tmp_path / "damaged.safetensors", "neck.out.0.pointwise.bias"
    tensors = load(sound)
    tensors[name][3] = value
    save_file(tensors, file, metadata=split(sound)[0]["__metadata__"])

    with pytest.raises(WeightsError, match=f"{name} holds NaN or infinite numbers"):
        load_weights(file)
    with pytest.raises(WeightsError, match=f"{name} holds NaN or infinite numbers"):
        convert_weights(file)


@pytest.mark.parametrize(
    "name", ["body.stages.1.down.pointwise.weight", "keypoint_head.network.out.weight"]
)
def test_weights_whose_sums_overflow_are_refused(name: str, sound: bytes, tmp_path: Path) -> None:
    file = tmp_path / "damaged.safetensors"
    tensors = {name: tensor.float() for name, tensor in load(sound).items()}
    tensors[name] = torch.full_like(tensors[name], 3e38)
    save_file(tensors, file, metadata=split(sound)[0]["__metadata__"])

    with pytest.raises(WeightsError, match="its numbers overflow in "):
        load_weights(file)


def test_numbers_of_another_kind_are_refused(sound: bytes, tmp_path: Path) -> None:
    file, name = tmp_path / "damaged.safetensors", "neck.out.0.pointwise.bias"
    tensors = load(sound)
    tensors[name] = tensors[name].to(torch.int32)
    save_file(tensors, file, metadata=split(sound)[0]["__metadata__"])

    with pytest.raises(WeightsError, match=f"{name} is I32, expected F32, F16, BF16, F64"):
        load_weights(file)


def test_names_with_control_characters_are_escaped(sound: bytes, tmp_path: Path) -> None:
    header, numbers = split(sound)
    metadata(name="\x1b[31mred", licence="MIT\r\n", source="\u202eback")(header)
    file = tmp_path / "named.safetensors"
    file.write_bytes(joined(header, numbers))

    info = load_weights(file).info

    assert (info.name, info.licence) == ("\\x1b[31mred", "MIT\\r\\n")
    assert info.source == "\\u202eback"


@pytest.mark.slow
@pytest.mark.parametrize("flips", [1, 8])
def test_flipped_bytes_are_refused_or_change_numbers(
    flips: int, sound: bytes, tmp_path: Path
) -> None:
    file, random_numbers = tmp_path / "damaged.safetensors", random.Random(flips)
    start = 8 + struct.unpack("<Q", sound[:8])[0]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    messages = []
    for _ in range(8):
        damaged = bytearray(sound)
        for _ in range(flips):
            place = random_numbers.choice([random_numbers.randrange(start), -1])
            damaged[place] ^= 1 << random_numbers.randrange(8)
        file.write_bytes(damaged)
        try:
            load_weights(file)
        except WeightsError as error:
            messages.append(str(error))
    assert messages
    assert max(map(len, messages)) < 2000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 500_000


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_other_programs_files_without_all_arrays_are_refused(suffix: str, tmp_path: Path) -> None:
    file = tmp_path / f"half{suffix}"
    arrays = {"backbone.bottom_up.stem.conv1.weight": torch.zeros(64, 3, 7, 7)}
    if suffix == ".pth":
        torch.save(arrays, file)
    else:
        save_file(arrays, file)

    with pytest.raises(WeightsError, match=f"half{suffix}: its arrays make no network"):
        convert_weights(file)


class Calls:
    """Asks for a call that torch allows in a file of weights."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return self.call


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (Calls(bytearray, 2**34), "refused: it asks for bytearray; only data is read"),
        (Calls(torch.UntypedStorage, 2**62), "refused: it asks for too much memory"),
        (Calls(torch.FloatTensor, 2**31), "weight repeats numbers instead of holding them"),
    ],
    ids=["bytearray", "storage", "tensor"],
)
def test_a_small_file_that_asks_for_much_memory_is_refused(
    call: Calls, message: str, tmp_path: Path
) -> None:
    file = tmp_path / "huge.pth"
    torch.save({"weight": call}, file)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    with pytest.raises(WeightsError, match=rf"huge\.pth: {message}"):
        convert_weights(file)

    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000


def test_an_archive_that_unpacks_to_more_than_the_file_is_refused(tmp_path: Path) -> None:
    torch.save({"weight": torch.zeros(10**5)}, tmp_path / "sound.pth")
    file = tmp_path / "packed.pth"
    with zipfile.ZipFile(tmp_path / "sound.pth") as old, zipfile.ZipFile(file, "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name), compress_type=zipfile.ZIP_DEFLATED)

    with pytest.raises(WeightsError, match="its archive unpacks to more than the file"):
        convert_weights(file)


@pytest.mark.parametrize("suffix", [".pth", ".pkl"])
def test_one_array_under_many_names_is_refused(suffix: str, tmp_path: Path) -> None:
    file, array = tmp_path / f"shared{suffix}", np.zeros(10**4, np.float32)
    if suffix == ".pkl":
        file.write_bytes(pickle.dumps({f"conv{i}_w": array for i in range(100)}, protocol=2))
    else:
        tensor = torch.from_numpy(array)
        torch.save({f"conv{i}_w": tensor for i in range(100)}, file)

    with pytest.raises(WeightsError, match=r"conv\d+_w repeats numbers instead of holding them"):
        convert_weights(file)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "refused: it is empty"),
        (b"text", "not a sound file of torch weights: "),
        (pickle.dumps([1], protocol=0), "refused: its pickle is damaged"),
        (pickle.dumps([1], protocol=4), "refused: its pickle is damaged"),
    ],
)
def test_what_is_no_file_of_torch_is_refused_without_advice_to_trust_it(
    content: bytes, message: str, tmp_path: Path
) -> None:
    file = tmp_path / "odd.pth"
    file.write_bytes(content)

    with pytest.raises(WeightsError, match=message) as caught:
        convert_weights(file)

    assert "trusted" not in str(caught.value)


def test_numbers_too_large_for_32_bits_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "large.pkl"
    file.write_bytes(pickle.dumps({"conv1_w": np.full(3, 1e300)}))

    with pytest.raises(WeightsError, match="conv1_w holds NaN or infinite numbers"):
        convert_weights(file)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(
    "odd",
    [
        lambda: torch.quantize_per_tensor(torch.zeros(3), 0.1, 0, torch.qint8),
        lambda: torch.zeros(3, dtype=torch.complex64),
        lambda: torch.zeros(3).to_sparse(),
        lambda: torch.empty(2**40, device="meta"),
    ],
    ids=["quantized", "complex", "sparse", "meta"],
)
def test_tensors_that_hold_no_plain_numbers_are_left_out(
    odd: Callable[[], torch.Tensor], tmp_path: Path
) -> None:
    file = tmp_path / "odd.pth"
    torch.save({"plain": torch.zeros(3), "odd": odd()}, file)

    arrays, _ = read_arrays(file)

    assert list(arrays) == ["plain"]


def test_a_small_file_with_a_huge_array_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "huge.pth"
    torch.save({"backbone.body.conv1.weight": torch.zeros(1).half().expand(2**40)}, file)

    with pytest.raises(WeightsError, match="repeats numbers instead of holding them"):
        convert_weights(file)
