"""The media stages beside the bare tools on the same clips, by CPU time (children counted) and by the clock.

Generated clips, and where VIDNE_FOOTAGE names a folder of real footage, clips of it made long by looping. A
remux is so cheap that starting programs counts: it is measured on longer ones too.
"""

import os
import resource
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.measure import Spread
from bench.spine import Row, folder
from evidence.jsontypes import JsonObject
from hashing.digests import digest_file
from samples.generator import clip
from transcode import copying, normalise, preview, products, remux
from transcode.inspect import inspect
from transcode.probe import probe
from transcode.slow import look_at, slow
from transcode.task import tasks
from transcode.values import decimal, objects

PAIRS, ENCODE_PAIRS = 3, 2
_FFMPEG = ("ffmpeg", "-v", "error", "-nostdin", "-y")
_ENCODE = (
    "-c:v",
    "libx264",
    "-profile:v",
    "high",
    "-preset",
    "veryfast",
    "-crf",
    "18",
    "-pix_fmt",
    "yuv420p",
)
_HASHED = ("-map", "0:V", "-c", "copy", "-f", "framehash", "-hash", "sha256")


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds by the clock, and of CPU, children's among them."""

    wall: float
    cpu: float


@dataclass(frozen=True, slots=True)
class Subject:
    """A clip with what an inspection found; `work` makes a new folder for each run."""

    name: str
    source: Path
    sections: JsonObject
    scratch: Path

    @property
    def plan(self) -> JsonObject:
        """The section `derivation`."""
        found = self.sections["derivation"]
        return found if isinstance(found, dict) else {}

    @property
    def streams(self) -> list[JsonObject]:
        """The section `streams`."""
        return objects(self.sections["streams"])

    @contextmanager
    def work(self) -> Iterator[Path]:
        """A new folder, gone afterwards."""
        with tempfile.TemporaryDirectory(dir=self.scratch) as name:
            yield Path(name)


def rows() -> Iterator[Row]:
    """Every measurement of the media stages."""
    with folder() as here:
        for subject in _subjects(here, _plain(here)):
            yield from _remux_path(subject)
            yield _previews(subject)
            yield _analysis(subject)
        for subject in _subjects(here, _lengthened(here)):
            yield from _remux_path(subject)
        for subject in _subjects(here, _to_encode(here)):
            yield from _encode(subject)


def _plain(here: Path) -> dict[str, Path]:
    """Clips that are remuxed."""
    clips = {"generated, 1080p H.264, 60 s": clip(here / "plain.mp4", seconds=60, size=(1920, 1080), rate=30)}
    real = _real("phone/pixel7_videoOnly_cleaned.mp4")
    if real:
        clips["1080p H.264 of a phone, 23 Mbit/s, looped to 60 s"] = _looped(real, here / "phone.mp4", 49)
    real = _real("reference/bikes.mp4")
    if real:
        clips["street, 640x272 H.264, looped to 100 s"] = _looped(real, here / "bikes.mp4", 9)
    return clips


def _lengthened(here: Path) -> dict[str, Path]:
    """Clips that are remuxed, long enough for a remux to take seconds."""
    clips = {}
    real = _real("phone/pixel7_videoOnly_cleaned.mp4")
    if real:
        clips["1080p H.264 of a phone, 23 Mbit/s, looped to 5 min"] = _looped(
            real, here / "phone-long.mp4", 249
        )
    real = _real("reference/bikes.mp4")
    if real:
        clips["street, 640x272 H.264, looped to 2 h"] = _looped(real, here / "bikes-long.mp4", 719)
    return clips


def _to_encode(here: Path) -> dict[str, Path]:
    """Clips that are encoded."""
    plain = clip(here / "source.mp4", seconds=30, size=(1280, 720), rate=25)
    old = here / "old.avi"
    subprocess.run([*_FFMPEG, "-i", plain, "-c:v", "mpeg4", "-q:v", "3", old], check=True)
    clips = {"generated, 720p MPEG-4 part 2, 30 s": old}
    real = _real("phone/sample-5s_h265.mp4")
    if real:
        clips["street, 1376x1840 HEVC of a phone, looped to 30 s"] = _looped(real, here / "hevc.mp4", 5)
    return clips


def _real(name: str) -> Path | None:
    footage = os.environ.get("VIDNE_FOOTAGE")
    path = Path(footage) / name if footage else None
    return path if path and path.is_file() else None


def _looped(source: Path, target: Path, times: int) -> Path:
    options = ("-stream_loop", str(times), "-i", source, "-map", "0:v:0", "-c", "copy")
    subprocess.run([*_FFMPEG, *options, target], check=True)
    return target


def _subjects(here: Path, clips: dict[str, Path]) -> Iterator[Subject]:
    for name, source in clips.items():
        with tempfile.TemporaryDirectory(dir=here) as work:
            yield Subject(name, source, inspect(source, Path(work), source.name).sections, here)


def _remux_path(subject: Subject) -> Iterator[Row]:
    """What the bare tools do and the probe that decides on it; then with metadata, which they do not read."""

    def ours() -> None:
        digest_file(subject.source)
        normalise.plan(probe(subject.source))
        _remux(subject)

    def with_metadata() -> None:
        digest_file(subject.source)
        with subject.work() as work:
            inspect(subject.source, work, "clip.mp4")
        _remux(subject)

    def bare() -> None:
        with subject.work() as work:
            copy = work / "copy.mp4"
            _run("openssl", "dgst", "-sha256", subject.source)
            _run(*_FFMPEG, "-i", subject.source, "-map", "0:V", "-c", "copy", "-movflags", "+faststart", copy)
            _run(*_FFMPEG, "-i", subject.source, *_HASHED, work / "one")
            _run(*_FFMPEG, "-i", copy, *_HASHED, work / "other")

    what = "digests, probe, remux, proof, beside `openssl dgst` + `ffmpeg -c copy` + framehash twice"
    yield _row(subject, what, ours, bare, 1.2)
    what = "the same with all metadata (exiftool), beside the same, which read none"
    yield _row(subject, what, with_metadata, bare, None)


def _remux(subject: Subject) -> None:
    wanted = products.planned(subject.plan, subject.streams)
    with subject.work() as work:
        outcome = remux.make(subject.source, work, wanted, [])
    if len(outcome.held) != len(wanted):
        raise RuntimeError(f"{subject.name} was not remuxed: {outcome.failures}")


def _previews(subject: Subject) -> Row:
    picture = next(stream for stream in subject.streams if stream["is_picture"])
    media = subject.sections["media"]
    duration_s = decimal(media["duration_s"]) if isinstance(media, dict) else None

    def ours() -> None:
        with subject.work() as work:
            remux.make(subject.source, work, [], [preview.output(picture, duration_s, subject.plan)])
            if not preview.collect(work):
                raise RuntimeError(f"{subject.name} gave no preview")

    def bare() -> None:
        _run(*_FFMPEG, "-threads", "2", "-skip_frame", "nokey", "-i", subject.source, "-f", "null", "-")

    return _row(subject, "previews, beside a decode of the intra frames", ours, bare, 1.5)


def _analysis(subject: Subject) -> Row:
    def bare() -> None:
        _run(*_FFMPEG, "-threads", "2", "-i", subject.source, "-map", "0:v:0", "-f", "null", "-")

    what = "analysis, keyframes, measures, beside one full decode"
    return _row(subject, what, lambda: _slow(subject), bare, 1.3)


def _encode(subject: Subject) -> Iterator[Row]:
    """The encode with all that is done along with it, and what its proof costs."""

    def bare() -> None:
        with subject.work() as work:
            options = ("-map", "0:v:0", *_ENCODE, "-fps_mode", "passthrough", "-movflags", "+faststart")
            _run(*_FFMPEG, "-threads", "2", "-i", subject.source, *options, work / "copy.mp4")

    along: list[Spent] = []
    proved: list[Spent] = []
    plain: list[Spent] = []
    for _ in range(ENCODE_PAIRS):
        with subject.work() as work:
            [task] = tasks(subject.source, work, subject.sections)
            job = task.job("decode", task.copy)
            with _timed(along):
                outcome = look_at(task, job)
            with _timed(proved):
                copying.along(job, outcome.decoded, task.copy_job)
        with _timed(plain):
            bare()
    what = "encode with analysis, keyframes and measures, beside the bare encode"
    yield _compared(subject, what, along, plain, 1.15)
    what = "the encoded copy's proof (a decode of it, times, SSIM), beside the bare encode"
    yield _compared(subject, what, proved, plain, None)


def _slow(subject: Subject) -> None:
    with subject.work() as work:
        report = slow(subject.source, work, subject.sections)
        if report.state is None:
            raise RuntimeError(f"{subject.name} was not processed")


def _run(*command: str | Path) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@contextmanager
def _timed(into: list[Spent]) -> Iterator[None]:
    started, before = time.perf_counter(), _cpu()
    yield
    into.append(Spent(time.perf_counter() - started, _cpu() - before))


def _cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def _row(
    subject: Subject,
    what: str,
    ours: Callable[[], None],
    bare: Callable[[], None],
    target: float | None,
) -> Row:
    bare()  # what is read first is then in memory for both
    mine: list[Spent] = []
    theirs: list[Spent] = []
    for _ in range(PAIRS):
        with _timed(mine):
            ours()
        with _timed(theirs):
            bare()
    return _compared(subject, what, mine, theirs, target)


def _compared(
    subject: Subject, what: str, ours: Sequence[Spent], bare: Sequence[Spent], target: float | None
) -> Row:
    """A row of pairs; without a target it is told, and held against nothing."""
    cpu = Spread.of([mine.cpu / theirs.cpu for mine, theirs in zip(ours, bare, strict=True)])
    wall = Spread.of([mine.wall / theirs.wall for mine, theirs in zip(ours, bare, strict=True)])
    return Row(
        f"{subject.name}: {what} (CPU s)",
        str(Spread.of([mine.cpu for mine in ours])),
        str(Spread.of([theirs.cpu for theirs in bare])),
        f"CPU {cpu}; wall {wall}",
        "none" if target is None else f"at most {target}",
        None if target is None else cpu.median <= target,
    )
