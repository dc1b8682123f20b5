"""A rewrap is proved packet by packet; whatever differs is told, and nothing compared is no proof."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from transcode import proof

Lines = list[str]


@pytest.fixture(scope="module")
def listing(clip: Path) -> Lines:
    """The packets of a clip with B-frames and sound, as bare ffmpeg lists them."""
    command = ["ffmpeg", "-v", "error", "-i", str(clip), "-map", "0", "-c", "copy", "-f", "framehash"]
    done = subprocess.run([*command, "-hash", "sha256", "-"], check=True, capture_output=True)
    return done.stdout.decode().splitlines()


def compared(before: Lines, after: Lines, folder: Path) -> list[proof.Comparison]:
    paths = []
    for name, lines in (("before", before), ("after", after)):
        paths.append(folder / name)
        paths[-1].write_text("\n".join(lines) + "\n")
    return proof.compare(proof.read(paths[0]), proof.read(paths[1]), [0, 1])


def packets(lines: Lines, stream: int) -> list[int]:
    """Where the packets of a stream stand."""
    return [at for at, line in enumerate(lines) if line.startswith(f"{stream},")]


def changed(lines: Lines, at: int, line: str) -> Lines:
    return [*lines[:at], line, *lines[at + 1 :]]


def test_the_same_packets_are_identical(listing: Lines, tmp_path: Path) -> None:
    video, sound = compared(listing, listing, tmp_path)
    assert (video.codec, video.packets, video.offset_s, video.difference) == ("h264", 50, 0.0, "")
    assert (sound.codec, sound.packets, sound.difference) == ("aac", 17, "")
    assert proof.verdict([video, sound]) == proof.IDENTICAL


def test_all_shown_later_by_the_same_time_is_one_offset_and_no_difference(
    listing: Lines, tmp_path: Path
) -> None:
    later = listing
    for at in packets(listing, 0):
        fields = later[at].split(",")
        fields[2] = f" {int(fields[2]) + 512}"  # a frame, in ticks of 1/12800 s
        later = changed(later, at, ",".join(fields))
    [video, _] = compared(listing, later, tmp_path)
    assert (video.offset_s, video.difference) == (0.04, "")


def one_hash_changed(lines: Lines) -> Lines:
    at = packets(lines, 0)[7]
    flipped = "0" if lines[at][-1] != "0" else "1"
    return changed(lines, at, lines[at][:-1] + flipped)


def one_dropped(lines: Lines) -> Lines:
    at = packets(lines, 0)[20]
    return [*lines[:at], *lines[at + 1 :]]


def last_dropped(lines: Lines) -> Lines:
    at = packets(lines, 0)[-1]
    return [*lines[:at], *lines[at + 1 :]]


def two_swapped(lines: Lines) -> Lines:
    one, other = packets(lines, 0)[3:5]
    return changed(changed(lines, one, lines[other]), other, lines[one])


def one_shown_later(lines: Lines) -> Lines:
    at = packets(lines, 0)[9]
    fields = lines[at].split(",")
    fields[2] = f" {int(fields[2]) + 1024}"
    return changed(lines, at, ",".join(fields))


def header(name: str, pattern: str, text: str) -> Callable[[Lines], Lines]:
    def change(lines: Lines) -> Lines:
        [at] = [n for n, line in enumerate(lines) if line.startswith(f"#{name} 0")]
        found = re.sub(pattern, text, lines[at])
        assert found != lines[at]
        return changed(lines, at, found)

    return change


@pytest.mark.parametrize(
    ("tamper", "says"),
    [
        (one_hash_changed, "packet 7 differs"),
        (one_dropped, "packet 20 differs"),
        (last_dropped, "50 packets in the original and 49 in the copy"),
        (two_swapped, "packet 3 differs"),
        (one_shown_later, "up to 0.08"),
        (header("extradata", "[0-9a-f]{64}", "00" * 32), "codec configuration differs"),
        (header("dimensions", "320x240", "320x248"), "picture size differs"),
        (header("sar", "1/1", "16/11"), "sample aspect ratio differs"),
        (header("codec_id", "h264", "hevc"), "codec differs"),
    ],
)
def test_each_tampering_is_told(
    listing: Lines, tmp_path: Path, tamper: Callable[[Lines], Lines], says: str
) -> None:
    comparisons = compared(listing, tamper(listing), tmp_path)
    assert says in comparisons[0].difference
    assert proof.verdict(comparisons) == f"Stream 0: {comparisons[0].difference}"


def test_a_changed_sound_is_told_of_its_stream(listing: Lines, tmp_path: Path) -> None:
    at = packets(listing, 1)[2]
    comparisons = compared(listing, changed(listing, at, listing[at][:-4] + "beef"), tmp_path)
    assert proof.verdict(comparisons) == "Stream 1: packet 2 differs."


def test_a_sound_packet_whose_time_moves_is_no_difference_of_pictures(listing: Lines, tmp_path: Path) -> None:
    at = packets(listing, 1)[5]
    fields = listing[at].split(",")
    fields[2] = f" {int(fields[2]) + 7}"
    comparisons = compared(listing, changed(listing, at, ",".join(fields)), tmp_path)
    assert [one.difference for one in comparisons] == ["", ""]
    assert proof.verdict(comparisons) == proof.IDENTICAL


def test_extradata_alone_is_passed_over_where_the_form_of_packets_changed(
    listing: Lines, tmp_path: Path
) -> None:
    other = header("extradata", "[0-9a-f]{64}", "00" * 32)(listing)
    compared(listing, other, tmp_path)
    before, after = proof.read(tmp_path / "before"), proof.read(tmp_path / "after")
    reformed = frozenset({0})
    assert proof.verdict(proof.compare(before, after, [0, 1], reformed=reformed)) == proof.IDENTICAL
    compared(listing, one_hash_changed(other), tmp_path)
    after = proof.read(tmp_path / "after")
    assert proof.compare(before, after, [0, 1], reformed=reformed)[0].difference == "packet 7 differs."


def test_a_stream_that_the_copy_lacks_is_told(listing: Lines, tmp_path: Path) -> None:
    silent = [line for line in listing if not line.startswith("1,") and " 1:" not in line]
    comparisons = compared(listing, silent, tmp_path)
    assert comparisons[0].difference == ""
    assert proof.verdict(comparisons).startswith("Stream 1: its codec differs (aac, none)")


def test_nothing_compared_is_no_proof(listing: Lines, tmp_path: Path) -> None:
    assert proof.verdict([]) == "No packet was compared."
    headers = [line for line in listing if line.startswith("#")]
    assert proof.verdict(compared(headers, headers, tmp_path)) == "No packet was compared."


def test_the_proof_says_its_verdict_how_to_repeat_it_and_each_packet(listing: Lines, tmp_path: Path) -> None:
    comparisons = compared(listing, listing, tmp_path)
    path = tmp_path / "proof.txt"
    proof.write(path, tmp_path / "before", comparisons, [("ffmpeg", "-i", "x")])
    written = path.read_text().splitlines()
    assert written[0] == "# verdict: packets identical"
    assert "# by: ffmpeg -i x" in written
    assert comparisons[0].packets_sha256 in written[1]
    assert written[-len(listing) :] == listing


def test_a_proof_of_what_differs_says_so_first(listing: Lines, tmp_path: Path) -> None:
    comparisons = compared(listing, one_hash_changed(listing), tmp_path)
    path = tmp_path / "proof.txt"
    proof.write(path, tmp_path / "before", comparisons, [])
    written = path.read_text().splitlines()
    assert written[0] == "# verdict: Stream 0: packet 7 differs."
    assert written[1].endswith("packet 7 differs.")
    assert written[2].endswith("no difference")
