"""Products of one reading hold all packets, exactly; one that does not takes nothing else along."""

import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from evidence.exhibits import Role
from evidence.jsontypes import Json, JsonObject
from tests.transcode.conftest import (
    B_FRAMES,
    FLIPPED,
    H264,
    PICTURES,
    SOUND,
    TURNED,
    Maker,
    derivation,
    hastened,
    made,
    shown_as,
)
from transcode import ffmpeg, preview, remux
from transcode.fast import fast
from transcode.inspect import inspect
from transcode.probe import probe
from transcode.products import Product, planned
from transcode.proving import Proved
from transcode.sandbox import output_file
from transcode.values import objects

DVR = (*H264, "-c:a", "pcm_alaw")


def sections(source: Path, work: Path) -> tuple[JsonObject, list[JsonObject]]:
    """The plan and the streams that the first stage finds."""
    found = inspect(source, work, source.name).sections
    plan = found["derivation"]
    assert isinstance(plan, dict)
    return plan, objects(found["streams"])


def products(source: Path, work: Path) -> list[Product]:
    return planned(*sections(source, work))


def ticks(path: Path) -> list[int]:
    """When each packet of the picture is shown, in ticks, as bare ffprobe prints it."""
    command = ["ffprobe", "-v", "error", "-select_streams", "v:0", "-show_entries", "packet=pts"]
    done = subprocess.run([*command, "-of", "csv=p=0", path], check=True, capture_output=True, text=True)
    return [int(line.strip(",")) for line in done.stdout.split()]


def failing(product: Product) -> Product:
    """The same product, with an option that ffmpeg does not take."""
    return replace(product, options={**product.options, "bsf:v": "no_such_filter"})


def names(held: Sequence[Proved]) -> list[str]:
    return [proved.product.name for proved in held]


# What is made


def test_the_products_of_a_plan_are_its_copies_and_its_rewraps(film: Maker, tmp_path: Path) -> None:
    source = film("dvr.mkv", *DVR, of=(*PICTURES, *SOUND))
    copy, rewrap = products(source, tmp_path)
    assert (copy.name, copy.role, copy.streams, copy.exact) == ("working.mp4", Role.WORKING, (0, 1), (0,))
    assert copy.label == "working copy, its sound encoded to AAC"
    assert (rewrap.name, rewrap.role, rewrap.exact) == ("rewrap.mkv", Role.REWRAP, (0, 1))
    assert dict(rewrap.packets) == {0: 50, 1: 16}


def test_a_copy_that_is_to_be_encoded_is_no_product(film: Maker, tmp_path: Path) -> None:
    plan, streams = sections(film("plain.mp4", *H264), tmp_path)
    assert len(planned(plan, streams)) == 1
    encoded: JsonObject = {
        **plan,
        "copies": [{**copy, "method": "encode"} for copy in objects(plan["copies"])],
    }
    assert planned(encoded, streams) == []


@pytest.mark.parametrize("scale", ["12800", "90000", "600"])
def test_a_copy_keeps_the_ticks_of_its_source(film: Maker, tmp_path: Path, scale: str) -> None:
    source = film("ticks.mp4", *B_FRAMES, "-video_track_timescale", scale)
    [copy] = made(hastened(source, tmp_path / "work"), Role.WORKING).values()
    assert probe(copy).pictures[0].text("time_base") == f"1/{scale}"
    assert ticks(copy) == ticks(source)


@pytest.mark.parametrize("matrix", [TURNED, FLIPPED])
def test_a_rewrap_shows_the_picture_as_its_original_does(film: Maker, tmp_path: Path, matrix: bytes) -> None:
    source = shown_as(film("dvr.mov", *DVR, of=(*PICTURES, *SOUND)), matrix, tmp_path / "turned.mov")
    [before] = probe(source).pictures
    report = hastened(source, tmp_path / "work")
    for path in (made(report, Role.WORKING)["working.mp4"], made(report, Role.REWRAP)["rewrap.mov"]):
        [after] = probe(path).pictures
        assert (after.rotation, after.is_mirrored) == (before.rotation, before.is_mirrored) != (0, False)


def test_of_two_pictures_in_one_rewrap_each_is_shown_as_it_was(film: Maker, tmp_path: Path) -> None:
    inputs = (*PICTURES, *PICTURES, *SOUND)
    straight = film("dvr.mov", "-map", "0", "-map", "1", "-map", "2", *DVR, of=inputs)
    report = hastened(shown_as(straight, TURNED, tmp_path / "turned.mov"), tmp_path / "work")
    rewrap = probe(made(report, Role.REWRAP)["rewrap.mov"])
    assert [stream.rotation for stream in rewrap.pictures] == [90, 0]
    assert report.problems == ()


def test_a_pixel_that_is_not_square_stays_so(film: Maker, tmp_path: Path) -> None:
    source = film("wide.mp4", "-vf", "setsar=16/11", *H264)
    [copy] = made(hastened(source, tmp_path / "work"), Role.WORKING).values()
    assert probe(copy).pictures[0].text("sample_aspect_ratio") == "16:11"


@pytest.mark.parametrize("codec", ["aac", "libmp3lame", "libopus", "flac"])
def test_each_sound_that_is_planned_as_a_copy_can_be_copied(film: Maker, tmp_path: Path, codec: str) -> None:
    source = film("clip.mkv", *H264, "-c:a", codec, of=(*PICTURES, *SOUND))
    report = hastened(source, tmp_path / "work")
    assert (derivation(report)["verdict"], report.problems) == ("packets identical", ())
    assert len(probe(made(report, Role.WORKING)["working.mp4"]).sounds) == 1


def test_a_recording_that_begins_amid_a_group_keeps_its_first_packets(film: Maker, tmp_path: Path) -> None:
    whole = film("plain.ts", *B_FRAMES).read_bytes()
    source = tmp_path / "late.ts"
    source.write_bytes(whole[len(whole) // 188 // 4 * 188 :])
    [before] = probe(source).pictures
    report = hastened(source, tmp_path / "work")
    [after] = probe(made(report, Role.WORKING)["working.mp4"]).pictures
    assert before.packets.count > 25  # the last group has 25
    assert after.packets.count == before.packets.count
    [proof] = objects(derivation(report)["proofs"])
    assert [stream["packets"] for stream in objects(proof["streams"])] == [before.packets.count]


def test_nothing_asked_is_nothing_made(clip: Path, tmp_path: Path) -> None:
    assert remux.make(clip, tmp_path, [], []) == remux.Outcome((), (), {})


# What fails


def test_a_product_that_cannot_be_made_takes_neither_the_others_nor_the_previews_along(
    film: Maker, tmp_path: Path
) -> None:
    source = film("dvr.mkv", *DVR, of=(*PICTURES, *SOUND))
    plan, streams = sections(source, tmp_path)
    copy, rewrap = planned(plan, streams)
    outcome = remux.make(source, tmp_path, [failing(copy), rewrap], [preview.output(streams[0], 2.0, plan)])
    assert names(outcome.held) == ["rewrap.mkv"]
    assert outcome.held[0].verdict == "packets identical"
    assert list(outcome.failures) == ["working.mp4"]
    assert "no_such_filter" in outcome.failures["working.mp4"]
    assert [time_s for _, time_s in preview.collect(tmp_path)] == [0.0, 1.0]
    assert "/out/preview-%03d.jpg" in outcome.command


def test_a_single_product_that_cannot_be_made_leaves_the_previews(clip: Path, tmp_path: Path) -> None:
    plan, streams = sections(clip, tmp_path)
    [copy] = planned(plan, streams)
    outcome = remux.make(clip, tmp_path, [failing(copy)], [preview.output(streams[0], 2.0, plan)])
    assert (outcome.held, list(outcome.failures)) == ((), ["working.mp4"])
    assert len(preview.collect(tmp_path)) == 2


def test_previews_that_fail_leave_the_products(clip: Path, tmp_path: Path) -> None:
    plan, streams = sections(clip, tmp_path)
    absent: JsonObject = {**streams[0], "index": 7}
    outcome = remux.make(clip, tmp_path, planned(plan, streams), [preview.output(absent, 2.0, plan)])
    assert (names(outcome.held), outcome.failures) == (["working.mp4"], {})
    assert preview.collect(tmp_path) == []


def refused(source: Path, work: Path, product: Product) -> str:
    """Why the one product does not hold; what does hold is an error here."""
    outcome = remux.make(source, work, [product], [])
    assert outcome.held == ()
    return outcome.failures[product.name]


def test_a_copy_that_shows_the_picture_otherwise_does_not_hold(film: Maker, tmp_path: Path) -> None:
    source = film("plain.mp4", *H264)
    [copy] = products(source, tmp_path)
    assert remux.make(source, tmp_path, [copy], []).failures == {}
    assert (
        refused(source, tmp_path, replace(copy, turned={0: 90})) == "It is turned by 0 degrees instead of 90."
    )
    assert refused(source, tmp_path, replace(copy, mirrored=frozenset({0}))) == "It is not mirrored."


def test_fewer_packets_than_the_probe_counted_are_no_proof(film: Maker, tmp_path: Path) -> None:
    source = film("plain.mp4", *H264)
    [copy] = products(source, tmp_path)
    short = replace(copy, packets={0: 51})
    assert refused(source, tmp_path, short) == "Of 51 packets of stream 0, only 50 were read."


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"frames:v": 40}, "it has 50 packets in the original and 40 in the copy"),
        ({"bsf:v": "noise=amount=1"}, "differs"),
        ({"bsf:v": "setts=ts=TS+2*eq(N\\,9)"}, "frames are shown up to"),
        ({"bsf:v": "h264_metadata=sample_aspect_ratio=16/11"}, "Stream 0: its "),
    ],
)
def test_a_copy_that_is_not_exact_does_not_hold(
    film: Maker, tmp_path: Path, options: ffmpeg.Options, says: str
) -> None:
    source = film("plain.mp4", *H264)
    [copy] = products(source, tmp_path)
    changed = replace(copy, options={**copy.options, **options})
    assert says in refused(source, tmp_path, changed)
    assert output_file(tmp_path, "working.mp4.proof.txt") is None


def test_a_copy_that_lost_its_sound_does_not_hold(film: Maker, tmp_path: Path) -> None:
    source = film("clip.mkv", *H264, "-c:a", "pcm_s16le", of=(*PICTURES, *SOUND))
    copy, _ = products(source, tmp_path)
    silent = replace(copy, options={**copy.options, "frames:a": 0})
    assert refused(source, tmp_path, silent) == "It has 1 streams instead of 2."


def test_a_copy_that_does_not_hold_is_left_to_be_encoded_with_the_reason_and_the_others_stay(
    film: Maker, tmp_path: Path
) -> None:
    small = ("-f", "lavfi", "-i", "testsrc2=s=160x120:r=25:d=2")
    source = film("dashcam.mp4", "-map", "0", "-map", "1", *H264, of=(*PICTURES, *small))
    plan, (first, second) = sections(source, tmp_path)
    # As if the first stage had found the second picture turned.
    found: list[Json] = [first, {**second, "rotation": 90}]
    media: JsonObject = {"kind": "video", "duration_s": 2.0}
    report = fast(source, tmp_path, {"media": media, "derivation": plan, "streams": found})
    reason = "It is turned by 0 degrees instead of 90."
    assert list(made(report, Role.WORKING)) == ["working.mp4"]
    assert list(made(report, Role.PROOF)) == ["working.mp4.proof.txt"]
    outcome = derivation(report)
    assert (outcome["method"], outcome["verdict"]) == ("encode", "pending")
    assert outcome["reason"] == f"A remux did not hold: {reason}"
    assert [copy["method"] for copy in objects(outcome["copies"])] == ["remux", "encode"]
    assert [stream["action"] for stream in objects(outcome["streams"])] == ["copy", "encode"]
    assert [problem.text for problem in report.problems] == [f"working-2.mp4: {reason}"]
    assert report.state is None
