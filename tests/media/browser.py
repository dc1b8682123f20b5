"""Debian's Chromium plays a file from a loopback server that gives ranges, as a web server does."""

import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote

from playwright.sync_api import Browser, sync_playwright

_FLAGS = [
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-component-update",
    "--disable-background-networking",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
]
SAMPLE = (32, 24)  # the picture that is compared, width and height
# Plays the clip to its end, goes back to a time that shows its first frame, and reads that as grey samples.
_PLAY = """async ({url, width, height}) => {
  const video = document.querySelector('video');
  const once = (name) => new Promise((done, failed) => {
    video.addEventListener(name, done, {once: true});
    video.addEventListener('error', () => failed(new Error(`${name}: ${video.error.message}`)), {once: true});
    setTimeout(() => failed(new Error(`${name} did not come, at ${video.currentTime} s`)), 20000);
  });
  video.muted = true;
  video.playbackRate = 2;
  let opened = once('loadeddata');
  video.src = url;
  await opened;
  const ended = once('ended');
  await video.play();
  await ended;
  const reached = video.currentTime, frames = video.getVideoPlaybackQuality().totalVideoFrames;
  let grey = [];
  if (video.videoWidth) {
    const sought = once('seeked');
    video.currentTime = 0;
    await sought;
    await new Promise((done) => setTimeout(done, 50));
    const canvas = Object.assign(document.createElement('canvas'), {width, height});
    const context = canvas.getContext('2d');
    context.imageSmoothingQuality = 'high';
    context.drawImage(video, 0, 0, width, height);
    const data = context.getImageData(0, 0, width, height).data;
    for (let at = 0; at < data.length; at += 4)
      grey.push(0.299 * data[at] + 0.587 * data[at + 1] + 0.114 * data[at + 2]);
  }
  return {width: video.videoWidth, height: video.videoHeight, duration: video.duration, reached, frames, grey,
          sound: video.webkitAudioDecodedByteCount, error: video.error ? video.error.message : ''};
}"""


@dataclass(frozen=True, slots=True)
class Played:
    """What a browser says after it played a file to its end; `grey` is its first frame, rows of SAMPLE."""

    width: int
    height: int
    duration: float
    reached: float
    frames: int
    grey: list[float]
    sound: int
    error: str


class Player:
    """One browser; a page for each file."""

    def __init__(self, browser: Browser, port: int, root: Path) -> None:
        self._browser, self._port, self._root = browser, port, root

    def play(self, path: Path, *, screenshot: Path | None = None) -> Played:
        """Play the file at `path`, which lies below the root; raises playwright's Error where it cannot."""
        page = self._browser.new_page()
        address = f"http://127.0.0.1:{self._port}/"
        try:
            page.goto(address)
            url = address + quote(str(path.relative_to(self._root)))
            told = page.evaluate(_PLAY, {"url": url, "width": SAMPLE[0], "height": SAMPLE[1]})
            if screenshot:
                page.locator("video").screenshot(path=screenshot)
            return Played(**told)
        finally:
            page.close()


@contextmanager
def player(root: Path) -> Iterator[Player]:
    """A browser that can play what lies below `root`."""
    program = shutil.which("chromium")
    if program is None:
        raise RuntimeError("Chromium is missing: make test-media installs it.")
    with (
        _served(root) as port,
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=program, args=_FLAGS) as browser,
    ):
        yield Player(browser, port, root)


@contextmanager
def _served(root: Path) -> Iterator[int]:
    """The port of a server on the loopback address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, root))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    """Gives a page with an empty video element, and the files below a folder, in ranges."""

    protocol_version = "HTTP/1.1"

    def __init__(self, root: Path, *args: object) -> None:
        self._root = root
        super().__init__(*args)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        if self.path == "/":
            self._give(b"<!doctype html><title>play</title><video></video>", "text/html", HTTPStatus.OK)
            return
        path = (self._root / self.path.lstrip("/")).resolve()
        if not (path.is_file() and path.is_relative_to(self._root)):
            self._give(b"", "text/plain", HTTPStatus.NOT_FOUND)
            return
        data = path.read_bytes()
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if asked is None:
            self._give(data, "video/mp4", HTTPStatus.OK)
            return
        first, last = int(asked[1]), int(asked[2] or len(data) - 1)
        place = f"bytes {first}-{min(last, len(data) - 1)}/{len(data)}"
        self._give(data[first : last + 1], "video/mp4", HTTPStatus.PARTIAL_CONTENT, place)

    def _give(self, data: bytes, kind: str, status: HTTPStatus, place: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Accept-Ranges", "bytes")
        if place:
            self.send_header("Content-Range", place)
        self.end_headers()
        try:
            self.wfile.write(data)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # a page that was closed asks for no more

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class calls it so
        """Say nothing."""
