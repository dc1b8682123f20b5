"""Small pictures for a report: within their box, the same each time, and no trouble from other files."""

import subprocess
from pathlib import Path

import pytest

from transcode.thumbnails import can_show, thumbnails
from transcode.tools import locate


def still(path: Path, size: str) -> Path:
    source = ["-f", "lavfi", "-i", f"testsrc2=size={size}", "-frames:v", "1", str(path)]
    subprocess.run([locate("ffmpeg"), "-v", "error", *source], check=True)
    return path


def size_of(path: Path | None) -> str:
    assert path is not None
    asked = ["-v", "error", "-show_entries", "stream=codec_name,width,height", "-of", "csv=p=0", str(path)]
    done = subprocess.run([locate("ffprobe"), *asked], capture_output=True, text=True, check=True)
    return str(done.stdout).strip()


@pytest.fixture
def out(tmp_path: Path) -> Path:
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


def test_each_fits_into_the_box_and_keeps_its_shape(tmp_path: Path, out: Path) -> None:
    stills = [still(tmp_path / "wide.png", "800x200"), still(tmp_path / "tall.jpg", "200x800")]
    wide, tall = thumbnails(stills, out, (400, 300))
    assert (size_of(wide), size_of(tall)) == ("mjpeg,400,100", "mjpeg,75,300")


def test_the_same_still_gives_the_same_bytes(tmp_path: Path, out: Path) -> None:
    picture = still(tmp_path / "a.png", "640x360")
    first, second = thumbnails([picture, picture], out, (100, 100))
    assert first is not None
    assert second is not None
    assert first.read_bytes() == second.read_bytes()
    assert b"Lavc" not in first.read_bytes()


def test_what_is_no_picture_is_none_and_spoils_no_other(tmp_path: Path, out: Path) -> None:
    (tmp_path / "bad.png").write_bytes(b"no picture")
    (tmp_path / "empty.jpg").touch()
    stills = [tmp_path / "bad.png", still(tmp_path / "good.png", "64x64"), tmp_path / "empty.jpg"]
    bad, good, empty = thumbnails(stills, out, (100, 100))
    assert (bad, empty) == (None, None)
    assert size_of(good).startswith("mjpeg")


def test_a_playlist_named_like_a_picture_opens_nothing(tmp_path: Path, out: Path) -> None:
    picture = still(tmp_path / "a.png", "64x64")
    (tmp_path / "list.png").write_text(f"#EXTM3U\n#EXTINF:1,\n{picture}\n")
    assert thumbnails([tmp_path / "list.png"], out, (100, 100)) == [None]


def test_of_nothing_nothing_is_made(out: Path) -> None:
    assert thumbnails([], out, (100, 100)) == []
    assert [can_show(name) for name in ("a.png", "a.jpg", "a.mp4", "a")] == [True, True, False, False]
