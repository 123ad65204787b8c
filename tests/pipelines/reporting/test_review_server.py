"""Only the page that the program opened is answered; corrections are those of `posetube edit`."""

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import posetube
from posetube.pipelines.cli import main
from posetube.pipelines.reporting.guarded_requests import HEADER
from posetube.pipelines.reporting.review_run import ReviewRun
from posetube.pipelines.reporting.review_server import LONGEST, ReviewServer
from posetube.pipelines.reporting.served_file import asked_part
from posetube.pipelines.storage.run_directory import RunDirectory
from tests.pipelines.reporting.conftest import Page

NOTHING: Mapping[str, str] = {}


@pytest.fixture
def server(make_run: Callable[..., Path], tmp_path: Path) -> Iterator[ReviewServer]:
    review = ReviewRun(RunDirectory(make_run()), folder=tmp_path)
    with ReviewServer(review) as opened:
        thread = threading.Thread(target=opened.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield opened
        opened.shutdown()
        thread.join()


def ask(
    server: ReviewServer,
    path: str,
    headers: Mapping[str, str] = NOTHING,
    *,
    method: str = "GET",
    body: bytes = b"",
) -> tuple[HTTPResponse, bytes]:
    """Ask with the token, unless the headers say otherwise."""
    connection = HTTPConnection("127.0.0.1", server.guard.port, timeout=20)
    sent = {HEADER: server.guard.token, "Content-Type": "application/json"}
    sent |= headers
    connection.request(method, path, body, {name: value for name, value in sent.items() if value})
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer, content


def correct(
    server: ReviewServer, words: str, headers: Mapping[str, str] = NOTHING
) -> tuple[HTTPResponse, bytes]:
    here = {"Origin": f"http://127.0.0.1:{server.guard.port}", **headers}
    body = json.dumps({"words": words}).encode()
    return ask(server, "/edit", here, method="POST", body=body)


REFUSED: tuple[tuple[dict[str, str], str], ...] = (
    ({"Host": "evil.example"}, "only under its own name"),
    ({"Host": "127.0.0.1"}, "only under its own name"),
    ({"Origin": "http://evil.example"}, "other pages are not answered"),
    ({"Origin": "null"}, "other pages are not answered"),
    ({"Sec-Fetch-Site": "cross-site"}, "other pages are not answered"),
    ({HEADER: ""}, "it has the token"),
    ({HEADER: "wrong"}, "it has the token"),
    ({HEADER: "", "Cookie": "posetube-1=x; =;"}, "it has the token"),
)


def test_others_are_refused(server: ReviewServer) -> None:
    for path in ("/", "/source", "/copy.mp4", "/nothing", "/?token=wrong"):
        for headers, why in REFUSED:
            answer, content = ask(server, path, headers)

            assert answer.status == 403, (path, headers)
            assert why in json.loads(content)["error"]


def test_corrections_from_elsewhere_change_nothing(server: ReviewServer) -> None:
    for headers in ({"Origin": ""}, {"Origin": "http://evil.example"}, {HEADER: ""}):
        assert correct(server, "delete 1", headers)[0].status == 403
    assert correct(server, "delete 1", {"Content-Type": "text/plain"})[0].status == 400
    assert correct(server, "x" * LONGEST)[0].status == 400
    answer, content = correct(server, "delete 99")

    assert answer.status == 409
    assert "there is no track 99" in json.loads(content)["error"]
    assert not server.review._run.edits.exists()


def test_the_address_gives_the_token_once_then_a_cookie_does(server: ReviewServer) -> None:
    path = server.guard.address.partition(str(server.guard.port))[2]
    first, _ = ask(server, path, {HEADER: ""})
    cookie = first.getheader("Set-Cookie") or ""

    page, content = ask(server, "/", {HEADER: "", "Cookie": cookie.partition(";")[0]})

    assert (first.status, first.getheader("Location")) == (303, "/")
    assert "HttpOnly; SameSite=Strict" in cookie
    assert page.status == 200
    assert page.getheader("X-Frame-Options") == "DENY"
    assert b"connect-src 'self'" in content


def test_only_the_runs_video_is_served_and_any_part_of_it(server: ReviewServer) -> None:
    video = (server.review._run.path.parent / "clip.mp4").read_bytes()

    whole, content = ask(server, "/source")
    part, some = ask(server, "/source", {"Range": "bytes=10-19"})
    none, _ = ask(server, "/source", {"Range": f"bytes={len(video)}-"})
    outside = [ask(server, path)[0].status for path in ("/run.json", "/../clip.mp4", "/source/x")]

    assert (whole.status, content == video) == (200, True)
    assert whole.getheader("Content-Type") == "video/mp4"
    assert (part.status, some) == (206, video[10:20])
    assert part.getheader("Content-Range") == f"bytes 10-19/{len(video)}"
    assert (none.status, none.getheader("Content-Range")) == (416, f"bytes */{len(video)}")
    assert outside == [404, 404, 404]


@given(st.integers(0, 50), st.one_of(st.integers(0, 60), st.none()), st.integers(0, 60))
def test_a_part_is_what_the_range_says(size: int, first: int | None, last: int) -> None:
    content = bytes(range(size))
    part = asked_part(f"bytes={'' if first is None else first}-{last}", size)
    expected = content[-last:] if first is None and last else content[(first or 0) : last + 1]

    found = b"" if part is None else content[part.first : part.stop]

    assert found == (b"" if first is None and not last else expected)


def test_a_correction_is_made_and_undone(server: ReviewServer) -> None:
    run = server.review._run
    before = run.tracks.read_bytes()

    assert correct(server, "split 1 @0.2s")[0].status == 200
    assert len(posetube.load(run.path)) == 3
    assert b"split 1 @0.2s" in ask(server, "/")[1]
    assert correct(server, "undo")[0].status == 200

    assert run.tracks.read_bytes() == before


@pytest.mark.slow
def test_the_page_corrects_by_keys(server: ReviewServer, page: Page) -> None:
    run = server.review._run.path
    page.open(server.guard.address)

    def press(key: str, people: int) -> None:
        with page.page.expect_navigation():
            page.page.keyboard.press(key)
        page.page.wait_for_selector("body[data-ready]")
        assert len(posetube.load(run)) == people

    page.run("report.seek(6)")
    page.page.click("#lane-names button >> nth=0")
    press("x", 3)
    assert page.page.inner_text("#moment").startswith("frame 6,")
    page.page.click("#lane-names button >> nth=0")
    page.page.click("#lane-names button >> nth=2", modifiers=["Shift"])
    press("m", 2)
    press("Control+z", 3)
    page.page.click("#lane-names button >> nth=0")
    page.page.click("#lane-names button >> nth=1", modifiers=["Shift"])
    page.page.keyboard.press("m")
    page.wait("!document.getElementById('trouble').hidden")

    assert "would be twice in" in page.page.inner_text("#trouble")
    assert [error for error in page.errors if "409" not in error] == []


@pytest.mark.slow
def test_the_page_swaps_renames_and_deletes_by_clicks(server: ReviewServer, page: Page) -> None:
    run = server.review._run.path
    page.open(server.guard.address)
    page.page.remove_listener("dialog", page.note_dialog)
    page.page.on("dialog", lambda dialog: dialog.accept("anna"))

    def click(title: str) -> None:
        with page.page.expect_navigation():
            page.page.click(f"#review button:has-text('{title}')")
        page.page.wait_for_selector("body[data-ready]")

    def boxes(track: int) -> list[float]:
        tracks = posetube.load(run)
        return [*map(float, tracks.boxes[tracks.track_ids == track][:, 0])]

    one, two = boxes(1), boxes(2)
    page.run("report.seek(6)")
    page.page.click("#lane-names button >> nth=0")
    page.page.click("#lane-names button >> nth=1", modifiers=["Shift"])
    click("Swap from here")
    assert (boxes(1), boxes(2)) == (one[:6] + two[6:], two[:6] + one[6:])
    page.page.click("#lane-names button >> nth=1")
    click("Rename")
    assert posetube.load(run).track_names == {2: "anna"}
    click("Delete")

    assert posetube.load(run).ids.tolist() == [1]
    assert page.errors == []


@pytest.mark.slow
def test_ctrl_c_ends_it_and_makes_the_report_again(make_run: Callable[..., Path]) -> None:
    run = make_run()
    line = [sys.executable, "-m", "posetube", "review", str(run), "--no-browser"]
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as job:
        assert job.stdout is not None
        assert job.stdout.readline().startswith("http://127.0.0.1:")
        assert main(["edit", str(run), "rename", "1", "anna", "--progress", "none"]) == 0
        job.send_signal(signal.SIGINT)
        job.wait(30)

    assert job.returncode == 0
    assert "anna" in (run / "report.html").read_text("utf-8")


def test_what_is_no_run_cannot_be_reviewed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["review", str(tmp_path)]) == 2
    assert f"{tmp_path} is no run" in capsys.readouterr().err
