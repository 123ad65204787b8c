"""Download a published weights file on request, verify and convert it.

The download is a file ``.part`` beside its target until it is complete. A download that broke off
is resumed.
"""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from posetube.errors import WeightsError

from .convert import convert_weights
from .published import PublishedModel, fetched_file
from .weights_io import save_weights

BLOCK = 1024**2
TIMEOUT = 30
"""Seconds without an answer after which a server counts as unreachable."""

RANGE_NOT_SATISFIABLE = 416
"""The answer of a server that is asked for bytes beyond a file's end."""

PARTIAL_CONTENT = 206

Report = Callable[[int, int | None], None]
"""Called with the number of bytes received and the total number, if it is known."""


def fetch_weights(model: PublishedModel, *, report: Report = lambda done, total: None) -> Path:
    """Download a published model and convert it to our format.

    Args:
        model: From :func:`posetube.models3d.checkpoints.published.published`.
        report: Called after every block.

    Returns:
        The converted file, which ``load_network`` finds by the model's name. If it exists, nothing
        is downloaded.

    Raises:
        WeightsError: If the server cannot be reached, the file can only be downloaded by hand, or
            its checksum is wrong.
    """
    target = fetched_file(model.name)
    if target.is_file():
        return target
    if not model.direct:
        raise WeightsError(
            f"{model.name} can only be downloaded by hand, from {model.url}; then run "
            f"'posetube models convert FILE {target}'"
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    file = target.parent / Path(model.url).name
    if not file.is_file():
        download(model.url, file, report=report)
    verify(file, model)
    converted = convert_weights(file).model
    info = replace(converted.info, name=model.name, licence=model.licence, source=model.url)
    save_weights(converted, target, info=info)
    file.unlink()
    return target


def download(url: str, file: Path, *, report: Report = lambda done, total: None) -> None:
    """Download one file, or resume an earlier download.

    Raises:
        WeightsError: If the server cannot be reached or breaks off; what was received is kept.
    """
    part = file.with_name(file.name + ".part")
    start = part.stat().st_size if part.is_file() else 0
    request = Request(url, headers={"User-Agent": "posetube"})
    if start:
        request.add_header("Range", f"bytes={start}-")
    try:
        with urlopen(request, timeout=TIMEOUT) as answer:
            # a server that cannot resume sends the whole file again, with another status
            goes_on = answer.status == PARTIAL_CONTENT
            length = answer.headers.get("Content-Length")
            done = start if goes_on else 0
            total = done + int(length) if length else None
            with part.open("ab" if goes_on else "wb") as out:
                while block := answer.read(BLOCK):
                    out.write(block)
                    done += len(block)
                    report(done, total)
    except HTTPError as error:
        if error.code != RANGE_NOT_SATISFIABLE:
            raise WeightsError(f"{url}: the server answered {error.code} {error.reason}") from error
        total = start
    except (URLError, HTTPException, TimeoutError, ConnectionError) as error:
        raise WeightsError(
            f"{url}: cannot be reached ({error}); run the same command again when there is a "
            "network, it resumes the download"
        ) from error
    if total is not None and part.stat().st_size < total:
        raise WeightsError(
            f"{url}: broke off at {part.stat().st_size} of {total} bytes; run the same command "
            "again to resume"
        )
    part.replace(file)


def verify(file: Path, model: PublishedModel) -> None:
    """Compare a file with its published checksum; a wrong file is deleted.

    Raises:
        WeightsError: If the checksum is wrong.
    """
    if model.checksum is None:
        return
    with file.open("rb") as content:
        found = hashlib.file_digest(content, model.digest).hexdigest()
    if not found.startswith(model.checksum):
        file.unlink()
        raise WeightsError(
            f"{model.url}: expected a file whose {model.digest} begins with {model.checksum}, got "
            f"{found}; the file was deleted"
        )
