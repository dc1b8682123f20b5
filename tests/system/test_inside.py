"""What stands inside of an exhibit, a track or a motion photo's clip, is filed and verified as the rest."""

import json
from pathlib import Path
from typing import Any

from tests.system.program import CASE, Program
from tests.transcode.conftest import Maker, film  # noqa: F401 - a fixture
from tests.transcode.test_gps import FIXES, drone
from tests.transcode.test_stills import CLIP, CONTAINER, xmp


def rendition(known: dict[str, Any], role: str) -> dict[str, Any]:
    [found] = [one for one in known["renditions"] if one["role"] == role]
    return dict(found)


def test_a_track_and_a_clip_inside_are_filed_and_verify(film: Maker, tmp_path: Path) -> None:  # noqa: F811
    sent = tmp_path / "sent"
    sent.mkdir()
    (sent / "drone.mp4").write_bytes(drone(film, tmp_path, FIXES).read_bytes())
    (sent / "photo.jpg").write_bytes(xmp(CONTAINER.format(len(CLIP)), tmp_path / "plain.jpg") + CLIP)
    program = Program(tmp_path / "data")
    program.open_case()
    program.run("submit", sent, "--case", CASE, "--wait")
    known = {
        item["filename"].rpartition("/")[2]: program.show(item["exhibit"]) for item in program.exhibits()
    }
    assert {item["state"] for item in known.values()} == {"processed"}
    track = rendition(known["drone.mp4"], "track")
    clip = rendition(known["photo.jpg"], "embedded")
    assert track["tool"]["name"] == "exiftool"
    assert clip["detail"]["size"] == len(CLIP)
    assert (track["parent"], clip["parent"]) == ("original", "original")
    for name, item in known.items():
        program.run("exhibit", "fetch", item["exhibit"], "--all", "-o", tmp_path / name)
    [played] = (tmp_path / "photo.jpg").glob("*.clip.mp4")
    assert played.read_bytes() == CLIP
    [shown] = (tmp_path / "drone.mp4").glob("*.track.geojson")
    assert json.loads(shown.read_text())["type"] == "FeatureCollection"
    program.run("verify", "case", CASE)
