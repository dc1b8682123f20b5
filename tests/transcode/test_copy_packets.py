"""What is hashed of a copy, where its index says that its packets lie, is what ffmpeg lists of it."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.transcode.conftest import B_FRAMES, H264, PICTURES, SOUND, Maker
from tests.transcode.test_remux import products
from tests.transcode.test_starts import starts
from transcode import copy_packets, listings, proof, proving, remux
from transcode.products import Product

AAC = ("-c:a", "aac")
HEVC = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:pools=1", "-tag:v", "hvc1")
SMALL = ("-f", "lavfi", "-i", "testsrc2=s=160x120:r=25:d=2")
SOURCES = {
    "B-frames and sound": ("clip.mp4", (*B_FRAMES, *AAC), (*PICTURES, *SOUND)),
    "sound that begins first": ("late.mkv", (*B_FRAMES, *AAC), ("-itsoffset", "0.7", *PICTURES, *SOUND)),
    "telephone sound": ("dvr.mov", (*H264, "-c:a", "pcm_alaw"), (*PICTURES, *SOUND)),
    "two pictures": ("two.mp4", ("-map", "0", "-map", "1", *H264), (*PICTURES, *SMALL)),
    "HEVC": ("hevc.mp4", HEVC, PICTURES),
    "pixels that are not square": ("wide.mp4", ("-vf", "setsar=16/11", *H264), PICTURES),
}


def made(source: Path, work: Path) -> list[Product]:
    """Make its products in `work`; those whose packets are hashed where they lie."""
    wanted = products(source, work)
    outcome = remux.make(source, work, wanted, [])
    assert len(outcome.held) == len(wanted), outcome.failures
    return [product for product in wanted if copy_packets.suits(product)]


@pytest.mark.parametrize("name", SOURCES)
def test_it_is_what_ffmpeg_lists(film: Maker, tmp_path: Path, name: str) -> None:
    file, options, of = SOURCES[name]
    suiting = made(film(file, *options, of=of), tmp_path)
    assert suiting
    for product in suiting:
        listings.list_all(tmp_path, [product])
        theirs = proof.read(tmp_path / f"{product.name}.framehash")
        _, ours = copy_packets.read(tmp_path / product.name, product, theirs, tmp_path)
        found = proof.compare(theirs, ours, product.exact)
        assert proof.verdict(found) == proof.IDENTICAL
        assert [one.offset_s for one in found] == [0.0] * len(product.exact)


def test_times_are_counted_from_where_ffmpeg_counts_them(film: Maker, tmp_path: Path) -> None:
    late = film("late.mp4", *H264, "-output_ts_offset", "0.5")
    [product] = made(late, tmp_path)
    shutil.copy(late, tmp_path / product.name)  # as a copy that begins later than its original
    listings.list_all(tmp_path, [product])
    theirs = proof.read(tmp_path / f"{product.name}.framehash")
    _, ours = copy_packets.read(tmp_path / product.name, product, theirs, tmp_path)
    assert ours[0].start > 0
    [found] = proof.compare(theirs, ours, product.exact)
    assert (found.difference, found.offset_s) == ("", 0.0)


def test_a_copy_that_it_proves_is_listed_by_no_further_run(clip: Path, tmp_path: Path) -> None:
    wanted = products(clip, tmp_path)
    with starts() as found:
        outcome = remux.make(clip, tmp_path, wanted, [])
    assert found == {"ffmpeg": 1, "ffprobe": 1}
    [proved] = outcome.held
    assert proved.proof_path is not None
    told = proved.proof_path.read_text()
    assert "# by: ffprobe" in told
    assert "the SHA-256 of each packet's bytes at its pos" in told


def test_where_it_finds_less_ffmpeg_has_the_word(film: Maker, tmp_path: Path) -> None:
    # What configures Opus stands in MP4 in another byte order than in Matroska.
    source = film("opus.mkv", *H264, "-c:a", "libopus", of=(*PICTURES, *SOUND))
    wanted = products(source, tmp_path)
    with starts() as found:
        outcome = remux.make(source, tmp_path, wanted, [])
    assert found == {"ffmpeg": 2, "ffprobe": 1}
    [proved] = outcome.held
    assert proved.verdict == proof.IDENTICAL
    assert proved.proof_path is not None
    assert "at its pos" not in proved.proof_path.read_text()


def test_packets_in_another_form_are_left_to_ffmpeg(film: Maker, tmp_path: Path) -> None:
    assert made(film("plain.ts", *B_FRAMES), tmp_path) == []


@pytest.mark.parametrize(
    ("part", "says"), [("packet", "Stream 0: packet 3 differs."), ("configuration", "codec configuration")]
)
def test_a_changed_byte_is_told(clip: Path, tmp_path: Path, part: str, says: str) -> None:
    [product] = made(clip, tmp_path)
    path = tmp_path / product.name
    data = bytearray(path.read_bytes())
    at = data.index(b"avcC") + 7 if part == "configuration" else place(path, 3) + 20
    data[at] ^= 1
    path.write_bytes(data)
    outcome = proving.prove(tmp_path, [product], {product.name: (("made",),)})[product.name]
    assert isinstance(outcome, str)
    assert says in outcome


def place(path: Path, number: int) -> int:
    """Where a packet of the picture lies, as bare ffprobe prints it."""
    command = ["ffprobe", "-v", "error", "-select_streams", "v:0", "-show_entries", "packet=pos"]
    done = subprocess.run([*command, "-of", "csv=p=0", path], check=True, capture_output=True, text=True)
    return int(done.stdout.split()[number].strip(","))
