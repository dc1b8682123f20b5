"""What a stream says of its fields decides whether it is deinterlaced."""

from pathlib import Path

import pytest

from evidence.exhibits import Role
from evidence.jsontypes import JsonObject
from tests.transcode.conftest import Maker, derivation, made, slowed
from transcode.picture import picture
from transcode.probe import probe
from transcode.values import objects

PAL = ("-f", "lavfi", "-i", "testsrc2=s=720x576:r=25:d=0.4")


def test_dv_is_deinterlaced_though_only_its_packets_say_that_it_has_fields(
    film: Maker, tmp_path: Path
) -> None:
    source = film("camcorder.dv", "-c:v", "dvvideo", "-pix_fmt", "yuv420p", of=PAL)
    assert probe(source).pictures[0].text("field_order") == ""
    report = slowed(source, tmp_path / "work")
    [working] = made(report, Role.WORKING).values()
    assert probe(working).pictures[0].packets.count == 20  # fields of ten frames
    [copy] = objects(derivation(report)["copies"])
    comparison = copy["comparison"]
    assert isinstance(comparison, dict)
    assert (comparison["frames"], comparison["times_equal"]) == (20, True)


@pytest.mark.parametrize(
    ("codec", "stated", "interlaced"),
    [
        ("dvvideo", "", True),
        ("dvvideo", "unknown", True),
        ("dvvideo", "progressive", False),
        ("dvvideo", "bb", True),
        ("mpeg2video", "", False),
        ("h264", "tt", True),
    ],
)
def test_what_is_stated_goes_before_what_a_format_implies(
    codec: str, stated: str, *, interlaced: bool
) -> None:
    stream: JsonObject = {"index": 0, "codec": codec, "field_order": stated, "time_base": "1/25"}
    assert picture(stream, forced_rate=None, container_s=None).interlaced is interlaced
