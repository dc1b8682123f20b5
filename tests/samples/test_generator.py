"""The sample footage is what its names say, and the same to the byte."""

import hashlib
import itertools
import json
import subprocess
from pathlib import Path

import pytest
from PIL import ExifTags, Image

import samples
from evidence.errors import UsageError
from samples.generator import SAMPLES, clip, generate

DIGESTS = Path(samples.__file__).parent / "digests.txt"


@pytest.fixture(scope="module")
def footage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("footage")
    assert [path.name for path in generate(out)] == list(SAMPLES)
    return out


def probe(path: Path, entries: str) -> str:
    args = ["ffprobe", "-v", "error", "-select_streams", "v", "-of", "csv=p=0", "-show_entries", entries]
    return subprocess.run([*args, str(path)], capture_output=True, text=True, check=False).stdout


def ffmpeg_version() -> str:
    shown = subprocess.run(["ffmpeg", "-version"], capture_output=True, text=True, check=True).stdout
    return shown.split()[2]


def test_the_bytes_are_the_recorded_ones_where_ffmpeg_is_the_recorded_version(footage: Path) -> None:
    head, *lines = DIGESTS.read_text().splitlines()
    recorded = {name: digest for digest, name in (line.split() for line in lines)}
    assert set(recorded) == set(SAMPLES)
    if head != f"# ffmpeg {ffmpeg_version()}":
        pytest.skip(f"the digests were made by another version: {head}")
    made = {name: hashlib.sha256((footage / name).read_bytes()).hexdigest() for name in SAMPLES}
    assert made == recorded


def test_the_phone_clip_has_a_variable_rate_a_turn_and_a_fix(footage: Path) -> None:
    times = sorted(float(line) for line in probe(footage / "phone.mp4", "packet=pts_time").split())
    gaps = {round(later - earlier, 4) for earlier, later in itertools.pairwise(times)}
    assert len(gaps) > 10
    text = json.dumps(probe(footage / "phone.mp4", "format_tags=location:stream_side_data=rotation"))
    assert "+55.6761+012.5683/" in text
    assert "-90" in text


def test_the_recorder_clip_is_interlaced_and_its_pixels_are_not_square(footage: Path) -> None:
    shown = probe(
        footage / "dvr.mkv", "frame=interlaced_frame,top_field_first,width,height,sample_aspect_ratio"
    )
    assert set(shown.replace("\n\n", "\n").split()) <= {"704,288,6:11,1,1,", "704,288,6:11,1,1"}


def test_the_edit_list_hides_frames(footage: Path) -> None:
    stored = len(probe(footage / "edited.mp4", "packet=pts").split())
    shown = len(probe(footage / "edited.mp4", "frame=pts").split())
    assert (stored, shown) == (75, 60)


def test_the_still_says_where_and_when(footage: Path) -> None:
    with Image.open(footage / "still.jpg") as picture:
        exif = picture.getexif()
    assert exif[ExifTags.Base.Make] == "Vidne"
    assert exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitude] == (55, 40, 33.96)


def test_the_cut_file_promises_more_than_it_holds(footage: Path) -> None:
    assert float(probe(footage / "cut.mkv", "format=duration")) == 6.0
    assert 25 < len(probe(footage / "cut.mkv", "frame=pts").split()) < 150


def test_each_seed_gives_another_clip_and_the_same_seed_the_same(tmp_path: Path) -> None:
    made = [
        clip(tmp_path / f"{n}.mp4", seconds=0.4, size=(64, 48), seed=seed) for n, seed in enumerate((1, 2, 1))
    ]
    first, other, again = (path.read_bytes() for path in made)
    assert first == again
    assert first != other


def test_an_unknown_name_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cctv\.mp4"):
        generate(tmp_path, ["nothing.mp4"])
