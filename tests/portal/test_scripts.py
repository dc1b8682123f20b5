"""Parts of the scripts by themselves, run by node as they stand: times in files, sizes of chunks, speeds."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

FRONTEND = Path(__file__).parents[2] / "apps" / "portal" / "frontend"
NODE = Path(sys.executable).parent / "node"


def run(script: str, *args: str) -> Any:
    """What `script`, an ES module beside the sources, prints as JSON."""
    done = subprocess.run(
        [NODE, "--input-type=module", "--eval", script, "--", *args],
        cwd=FRONTEND / "src",
        capture_output=True,
        text=True,
        check=False,
        env={"TZ": "Europe/Copenhagen"},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def time_of(path: Path, modified: str = "2026-11-26T10:00:00Z", zone: str = "Europe/Copenhagen") -> Any:
    return run(
        """import { readFileSync } from 'node:fs';
        import { timeOf } from './filetime.js';
        const [path, modified, zone] = process.argv.slice(-3);
        const file = new File([readFileSync(path)], 'x', { lastModified: Date.parse(modified) });
        console.log(JSON.stringify(await timeOf(file, zone)));""",
        str(path),
        modified,
        zone,
    )


def made_clip(path: Path, *options: str) -> Path:
    command = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "color=c=black:s=64x48:d=1:r=5", *options, path]
    subprocess.run([str(word) for word in command], check=True)
    return path


@pytest.mark.parametrize("flags", [(), ("-movflags", "+faststart")], ids=["moov behind", "moov in front"])
def test_a_clip_says_itself_when_it_was_recorded(tmp_path: Path, flags: tuple[str, ...]) -> None:
    clip = made_clip(tmp_path / "clip.mp4", "-metadata", "creation_time=2026-11-25T20:17:00Z", *flags)
    assert time_of(clip) == {"time": "2026-11-25T21:17", "from": "recording"}
    assert time_of(clip, zone="America/Nuuk") == {"time": "2026-11-25T18:17", "from": "recording"}


def test_a_clip_that_does_not_say_leaves_the_file_s_own_date(tmp_path: Path) -> None:
    clip = made_clip(tmp_path / "clip.mp4", "-fflags", "+bitexact")
    assert time_of(clip) == {"time": "2026-11-26T11:00", "from": "file"}


def test_a_picture_s_exif_time_is_the_camera_s_own(tmp_path: Path) -> None:
    picture = Image.new("RGB", (8, 8))
    exif = picture.getexif()
    exif.get_ifd(0x8769)[0x9003] = "2026:11:25 21:17:00"
    picture.save(tmp_path / "p.jpg", exif=exif)
    found = [time_of(tmp_path / "p.jpg", zone=zone) for zone in ("Europe/Copenhagen", "America/Nuuk")]
    assert found == [{"time": "2026-11-25T21:17", "from": "recording"}] * 2


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xd8",
        b"\xff\xd8\xff\xe1\x00\x08Exif\x00\x00II*\x00\xff\xff\xff\xff",
        b"\x00\x00\x00\x01ftypisom",
        b"\xff\xff\xff\xffmoov" + b"\x00" * 20,
        b"\x00\x00\x00\x20ftypisom" + b"\x00" * 20 + b"\x00\x00\x00\x6cmoov\x00\x00\x00\x64mvhd",
        bytes(range(256)) * 300,
    ],
)
def test_what_is_damaged_or_no_clip_leaves_the_file_s_own_date(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x"
    path.write_bytes(content)
    assert time_of(path)["from"] == "file"


def test_a_time_in_the_future_is_not_suggested(tmp_path: Path) -> None:
    clip = made_clip(tmp_path / "clip.mp4", "-metadata", "creation_time=2035-01-01T00:00:00Z")
    assert time_of(clip)["from"] == "file"


def test_chunks_grow_on_a_fast_line_and_shrink_on_a_slow_one_within_bounds() -> None:
    sizes = run(
        """import { nextChunk, FIRST_CHUNK } from './pace.js';
        const over = (ms) => {
          const all = [FIRST_CHUNK];
          for (let n = 0; n < 8; n += 1) all.push(nextChunk(all[n], ms));
          return all;
        };
        console.log(JSON.stringify({ fast: over(500), slow: over(20000), right: over(6000) }));"""
    )
    mib = 1024 * 1024
    assert sizes["fast"][-1] == 32 * mib
    assert sizes["slow"][-1] == mib
    assert set(sizes["right"]) == {2 * mib}


def test_a_speed_is_told_only_once_it_is_known_and_begins_anew_after_a_cut() -> None:
    said = run(
        """import { Rate } from './pace.js';
        const rate = new Rate(), told = [];
        for (const [sent, now] of [[0, 0], [100, 500], [2000, 2000], [500, 3000], [1500, 5000]]) {
          rate.add(sent, now);
          told.push(rate.perSecond);
        }
        console.log(JSON.stringify(told));"""
    )
    assert said == [0, 0, 1000, 0, 500]
