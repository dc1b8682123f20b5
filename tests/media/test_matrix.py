"""Every cell ends as its table says: with a proved copy that Chromium plays, or told why there is none."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Error

from evidence.exhibits import ExhibitState, Role
from evidence.jsontypes import JsonObject
from tests.media import bare, codecs, damage, h264, sounds
from tests.media.browser import Player
from tests.media.cell import Cell
from transcode.model import Made
from transcode.stages import each_stage
from transcode.values import objects

CELLS = [*codecs.CELLS, *damage.CELLS, *sounds.CELLS, *h264.CELLS]
PAGE = (Path(__file__).parents[2] / "docs" / "media.md").read_text()
# Grey levels of 255, over a first frame: another frame, or one that is turned, differs by 40 and more.
ALIKE = 12


@dataclass(frozen=True, slots=True)
class Ended:
    """All that the stages said and made of one file."""

    sections: JsonObject
    made: list[Made]
    state: ExhibitState
    reason: str

    @property
    def derivation(self) -> JsonObject:
        section = self.sections["derivation"]
        assert isinstance(section, dict)
        return section

    def files(self, role: Role) -> dict[str, Path]:
        return {one.name: one.path for one in self.made if one.role is role}


def through_all_stages(source: Path, work: Path) -> Ended:
    """As the jobs of an exhibit do it: a stage that says how it ended is the last."""
    sections: JsonObject = {}
    made: list[Made] = []
    for _, report in each_stage(source, work):
        sections |= report.sections
        made += report.made
    assert report.state is not None
    return Ended(sections, made, report.state, report.reason)


def _parameter(cell: Cell) -> object:
    marks = [pytest.mark.xfail(reason=cell.defect, strict=True)] if cell.defect else []
    return pytest.param(cell, id=cell.name, marks=marks)


def test_no_two_cells_are_the_same_and_there_are_enough() -> None:
    assert len({cell.name for cell in CELLS}) == len(CELLS)
    assert len({(cell.of, cell.options, cell.name.rpartition(".")[2], cell.change) for cell in CELLS}) >= 150


@pytest.mark.parametrize("cell", [_parameter(cell) for cell in CELLS])
def test_cell(cell: Cell, root: Path, chromium: Player) -> None:
    folder = root / cell.name.replace(".", "-")
    folder.mkdir()
    source = bare.make(cell, folder)
    ended = through_all_stages(source, folder / "work")
    found = ended.derivation
    assert (ended.state, found["method"]) == (cell.state, cell.method), (ended.reason, found["reason"])
    assert cell.says in str(found["reason"])
    assert cell.says in PAGE
    assert json.loads(json.dumps(ended.sections, allow_nan=False)) == ended.sections
    copies = ended.files(Role.WORKING)
    assert len(copies) == cell.copies + cell.viewing
    assert ("viewing.mp4" in copies) is cell.viewing
    assert set(ended.files(Role.REWRAP)) == set(cell.rewraps)
    if cell.method == "none":
        assert ended.reason
        assert found["verdict"] == "nothing was made"
        return
    shown = bare.frames(source, *cell.reader)
    for number, (name, copy) in enumerate(copies.items()):
        assert bare.sounds(copy) == cell.sounds
        _assert_proved(cell, ended, name, bare.packets(source, *cell.reader))
        assert bare.frames(copy) == shown * cell.per_frame
        if cell.stops and not number:
            with pytest.raises(Error, match="PIPELINE_ERROR_DECODE"):
                chromium.play(copy)
            continue
        has_first = not number or cell.viewing
        _assert_played(cell, chromium, copy, bare.first_picture(source, *cell.reader) if has_first else [])
    _assert_rewraps_proved(ended)


def _assert_proved(cell: Cell, ended: Ended, name: str, packets: int) -> None:
    """The proof of the working copy `name` is filed, and says what its method can say."""
    found = ended.derivation
    [told] = [copy for copy in objects(found["copies"]) if copy["name"] == name]
    if told["method"] == "encode":
        assert found["verdict"] == ("packets identical" if cell.viewing else "derived from")
        comparison = told["comparison"]
        assert isinstance(comparison, dict)
        assert comparison["times_equal"] is True, comparison
        assert 0 < int(str(comparison["frames"])) == comparison["frames_encoded"]
        ssim = comparison["ssim"]
        assert isinstance(ssim, dict)
        assert ssim["alike"] is True, ssim
        assert float(str(ssim["mean"])) >= 0.97
        return
    proofs = {proof["name"]: proof for proof in objects(found["proofs"])}
    if cell.shown == (0, 0) and any(sound["action"] == "encode" for sound in objects(told["audio"])):
        assert found["verdict"] == "derived from"
        return
    assert (found["verdict"], proofs[name]["verdict"]) == ("packets identical", "packets identical")
    assert (
        ended.files(Role.PROOF)[f"{name}.proof.txt"].read_text().startswith("# verdict: packets identical\n")
    )
    if cell.shown != (0, 0):
        assert objects(proofs[name]["streams"])[0]["packets"] == packets > 0


def _assert_rewraps_proved(ended: Ended) -> None:
    proofs = {proof["name"]: proof["verdict"] for proof in objects(ended.derivation.get("proofs"))}
    for name in ended.files(Role.REWRAP):
        assert proofs[name] == "packets identical"
        assert f"{name}.proof.txt" in ended.files(Role.PROOF)


def _assert_played(cell: Cell, chromium: Player, copy: Path, original: list[float]) -> None:
    """Chromium plays all of it, in its right shape and upright; the first frame is the original's."""
    played = chromium.play(copy)
    assert played.error == ""
    assert played.reached == pytest.approx(played.duration, abs=0.1)
    assert played.reached > 0
    assert (played.width, played.height) == cell.shown
    assert (played.sound > 0) is (cell.sounds > 0)
    if cell.shown == (0, 0):
        return
    assert played.frames > 0
    if original and cell.alike:
        difference = sum(abs(a - b) for a, b in zip(played.grey, original, strict=True)) / len(original)
        assert difference < ALIKE
