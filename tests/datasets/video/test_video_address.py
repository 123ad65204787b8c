"""Addresses are read over allowed protocols only, and never reach a local file."""

import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from posetube.datasets.video import VideoConfig, open_video
from posetube.datasets.video.container import without_password
from posetube.errors import InputError, MediaError

Clip = Callable[..., Path]
QUICK = VideoConfig(timeout=5)


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Print nothing."""


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """A web server for the test's folder."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_video_is_read_from_an_address(clip: Clip, address: str) -> None:
    clip("a.mkv", frames=30)

    with open_video(f"{address}/a.mkv?key=1", config=QUICK) as video:
        times = [f.time for f in video]
        again = [f.time for f in video.frames(20)]

    assert len(times) == 30
    assert again == times[20:]
    assert (video.name, video.live) == ("a", False)


def test_a_file_without_a_duration_is_read_twice(clip: Clip, address: str) -> None:
    path = clip("part.ts", frames=30)

    with open_video(f"{address}/{path.name}", config=QUICK) as video:
        assert not video.live
        assert len(list(video)) == len(list(video)) == 30


def test_a_stream_without_an_end_is_live_and_read_once(
    clip: Clip, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = clip("live.mkv", frames=30, container={"live": "1"})
    send = Quiet.send_header
    monkeypatch.setattr(
        Quiet,
        "send_header",
        lambda self, name, value: name == "Content-Length" or send(self, name, value),
    )

    with open_video(f"{address}/{path.name}", config=QUICK) as video:
        assert video.live
        assert len(list(video)) == 30
        with pytest.raises(MediaError, match="live.mkv: a live source cannot be read twice"):
            list(video)


def test_a_playlist_is_read_where_its_address_says_so(clip: Clip, address: str) -> None:
    clip("part.ts", frames=30)
    playlist = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\npart.ts\n#EXT-X-ENDLIST\n"
    clip("list.mp4").write_text(playlist)
    clip("list.mkv").with_name("list.m3u8").write_text(playlist)

    with open_video(f"{address}/list.m3u8", config=QUICK) as video:
        assert len(list(video)) == 30
    with pytest.raises(MediaError, match="list.mp4: cannot be read"):
        open_video(f"{address}/list.mp4", config=QUICK)


def test_a_playlist_from_an_address_reaches_no_local_file(clip: Clip, address: str) -> None:
    secret = clip("secret.ts", frames=30)
    for number, name in enumerate((f"file://{secret}", f"file:{secret}", str(secret))):
        playlist = f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{name}\n#EXT-X-ENDLIST\n"
        secret.with_name(f"{number}.m3u8").write_text(playlist)

        with pytest.raises(MediaError, match="m3u8: "):
            open_video(f"{address}/{number}.m3u8", config=QUICK)


def test_what_is_not_at_the_address_is_refused(address: str) -> None:
    with pytest.raises(MediaError, match=r"nothing.mp4: cannot be read \(.*404"):
        open_video(f"{address}/nothing.mp4", config=QUICK)


def test_an_address_that_does_not_answer_is_refused_without_its_password() -> None:
    with pytest.raises(MediaError, match="http://127.0.0.1:9/a.mp4: cannot be read") as caught:
        open_video("http://me:secret@127.0.0.1:9/a.mp4", config=QUICK)

    assert "secret" not in str(caught.value)
    assert without_password("rtsp://me:pw@host/x") == "rtsp://host/x"


def test_other_kinds_of_address_are_refused() -> None:
    with pytest.raises(
        InputError, match="addresses of kind ftp:// are not read; expected one of http"
    ):
        open_video("ftp://example.org/a.mp4")


def test_a_camera_that_is_not_there_is_refused() -> None:
    with pytest.raises(MediaError, match=r"camera:97: the camera cannot be opened .*plugged in"):
        open_video("camera:97")
