"""Verification of export packages: what is right passes, and every attack that a package allows is caught."""

import os
import random
import shutil
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from evidence.errors import TrustMaterialError, UnreadableError
from hashing import canonical
from hashing.bag import PAYLOAD_MANIFEST, TAG_MANIFEST
from hashing.keys import fingerprint, parse_public, public_pem
from hashing.note_keys import Signer, Verifier
from hashing.package import verify_package
from hashing.package_files import BODIES, CHECKPOINT, ENTRIES, proof_path
from hashing.report import VerificationReport
from tests.disclosure.packages import FILES, PIECE, Tampered, case_scene, export_all
from tests.hashing.cases import ORIGIN, check, failed

SKIPPED = {"consistency", "time-stamp", "witness"}
# Without these, what the package has beside them is not covered any more, which is worse than to miss a file.
UNCOVERED_WITHOUT = {ENTRIES, PAYLOAD_MANIFEST}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Verifier]:
    """A package, and the log's key."""
    folder = tmp_path_factory.mktemp("package")
    scene = case_scene(folder)
    return export_all(scene, folder / "P"), scene.signer.verifier


@pytest.fixture
def key(made: tuple[Path, Verifier]) -> Verifier:
    return made[1]


@pytest.fixture
def package(made: tuple[Path, Verifier], tmp_path: Path) -> Iterator[Tampered]:
    """A copy that a test may meddle with."""
    shutil.copytree(made[0], tmp_path / "P", symlinks=True)
    yield Tampered(tmp_path / "P")
    shutil.rmtree(tmp_path / "P", ignore_errors=True)


def subjects(report: VerificationReport) -> str:
    return " ".join(defect.subject for item in report.checks for defect in item.defects)


def test_a_package_has_these_files(package: Tampered) -> None:
    there = sorted(str(p.relative_to(package.root)) for p in package.root.rglob("*") if p.is_file())
    assert there == sorted(FILES)


def test_a_package_passes_with_the_logs_key(package: Tampered, key: Verifier) -> None:
    report = verify_package(package.root, key)
    assert (report.exit_code, failed(report)) == (0, set())
    assert {item.name for item in report.checks if item.status == "not-checked"} == SKIPPED
    assert check(report, "inclusion").checked == 11
    assert check(report, "digest").checked == len(FILES) - 1
    assert check(report, "bodies").checked == 11
    assert check(report, "record").checked == 8
    assert check(report, "stream-proof").checked == 2


def test_the_key_may_be_a_pem_file_which_has_no_name(package: Tampered, key: Verifier) -> None:
    read = parse_public(public_pem(key), "file")
    assert (read.name, read.public) == ("", key.public)
    assert verify_package(package.root, read).exit_code == 0


def test_without_a_key_from_elsewhere_it_is_consistent_and_of_no_shown_origin(
    package: Tampered, key: Verifier
) -> None:
    report = verify_package(package.root)
    assert report.exit_code == 6
    assert failed(report) == {"checkpoint-signature"}
    signature = check(report, "checkpoint-signature")
    assert signature.status == "pending"
    assert fingerprint(key) in signature.reason
    assert "who made it is not shown" in signature.reason


def test_witnesses_have_their_place_and_are_told_as_not_checked(package: Tampered, key: Verifier) -> None:
    report = verify_package(package.with_a_witness().root, key)
    assert report.exit_code == 0
    assert check(report, "time-stamp").reason == "The package has none."
    assert check(report, "witness").reason == "1 further signatures; they are not checked."


def test_progress_counts_every_byte_of_every_listed_file(package: Tampered, key: Verifier) -> None:
    seen: list[int] = []
    verify_package(package.root, key, progress=seen.append)
    assert sum(seen) == sum((package.root / name).stat().st_size for name in FILES if name != TAG_MANIFEST)


def also_failing(name: str) -> set[str]:
    """The checks that have to fail beside `digest` where one bit of a file is flipped."""
    if name.endswith(".manifest.json"):
        return {"record"}
    if name.endswith(".tlog-proof"):
        return {"inclusion"}
    return {
        PAYLOAD_MANIFEST: {"export-entry"},
        ENTRIES: {"inclusion"},
        BODIES: {"bodies"},
        CHECKPOINT: {"checkpoint-signature"},
    }.get(name, set())


@pytest.mark.parametrize("name", FILES)
def test_one_flipped_bit_in_any_file_fails_and_names_it(package: Tampered, key: Verifier, name: str) -> None:
    package.flip(name)
    report = verify_package(package.root, key)
    assert report.exit_code == 1
    assert "digest" in failed(report) or name == TAG_MANIFEST
    assert failed(report) >= also_failing(name)
    # A line of the tag manifest that is wrong is told as the file that it then does not fit.
    assert name in subjects(report) or name == TAG_MANIFEST


@pytest.mark.parametrize("name", [n for n in FILES if n.startswith("data/")])
def test_a_flipped_payload_fails_only_what_speaks_of_its_bytes(
    package: Tampered, key: Verifier, name: str
) -> None:
    package.flip(name)
    report = verify_package(package.root, key)
    assert failed(report) == {"digest"} | also_failing(name)


@pytest.mark.parametrize("at", [0, PIECE - 1, PIECE, PIECE + 999_999])
def test_the_first_bad_byte_range_of_an_original_is_named(package: Tampered, key: Verifier, at: int) -> None:
    package.flip("data/EX-0001.original.mp4", at)
    (defect,) = check(verify_package(package.root, key), "digest").defects
    expected = [0, PIECE] if at < PIECE else [PIECE, PIECE + 1_000_000]
    assert defect.detail["range"] == expected


def test_the_first_bad_byte_range_of_a_copy_is_named_by_its_manifest(
    package: Tampered, key: Verifier
) -> None:
    package.flip("data/EX-0001.working.mp4")
    (defect,) = check(verify_package(package.root, key), "digest").defects
    assert defect.detail["range"] == [0, 8100]


def test_a_copy_that_ends_early_is_told_as_truncated(package: Tampered, key: Verifier) -> None:
    name = "data/EX-0001.original.mp4"
    package.write(name, package.read(name)[:-1])
    report = verify_package(package.root, key)
    assert "truncated: bytes 4194304 to 5194304" in check(report, "digest").reason
    assert "Payload-Oxum" in check(report, "bag").reason


@pytest.mark.parametrize("number", [1, 2, 5, 10])
def test_an_entry_left_out_in_the_middle_is_caught(package: Tampered, key: Verifier, number: int) -> None:
    report = verify_package(package.without_entry(number).root, key)
    assert report.exit_code == 1
    assert failed(report) == {"case-chain"}


def test_the_last_entry_left_out_is_caught(package: Tampered, key: Verifier) -> None:
    report = verify_package(package.without_entry(11).root, key)
    assert report.exit_code == 1
    assert failed(report) == {"export-entry"}


def test_all_entries_left_out_is_no_pass(package: Tampered, key: Verifier) -> None:
    package.write(ENTRIES, b"").write(BODIES, b"")
    report = verify_package(package.reseal().root, key)
    assert report.exit_code == 1
    assert failed(report) >= {"canonical", "case-chain", "export-entry", "inclusion", "record"}


def test_a_changed_payload_with_every_list_made_right_again_is_caught(
    package: Tampered, key: Verifier
) -> None:
    package.flip("data/EX-0002.original.mp4")
    report = verify_package(package.reseal_payload().root, key)
    assert failed(report) == {"export-entry", "record"}
    assert report.exit_code == 1


def test_a_file_more_in_the_payload_is_caught(package: Tampered, key: Verifier) -> None:
    package.write("data/EX-0001.alibi.mp4", b"from elsewhere")
    assert failed(verify_package(package.root, key)) == {"bag"}
    assert failed(verify_package(package.reseal_payload().root, key)) == {"export-entry", "record"}


def test_two_exhibits_that_change_their_names_are_caught(package: Tampered, key: Verifier) -> None:
    one, two = package.read("data/EX-0001.working.mp4"), package.read("data/EX-0002.working.mp4")
    package.write("data/EX-0001.working.mp4", two).write("data/EX-0002.working.mp4", one)
    assert failed(verify_package(package.reseal_payload().root, key)) == {"export-entry", "record"}


def test_a_copy_under_the_name_of_another_object_is_caught(package: Tampered, key: Verifier) -> None:
    data = package.root / "data"
    (data / "EX-0001.working.mp4").rename(data / "EX-0001.original.avi")
    report = verify_package(package.reseal_payload().root, key)
    assert "The record calls these bytes working" in check(report, "record").reason


def test_an_entry_replaced_and_signed_with_another_key_is_caught_by_the_logs_own(
    package: Tampered, key: Verifier
) -> None:
    forged = rewritten(package)
    report = verify_package(forged.root, key)
    assert report.exit_code == 1
    assert "checkpoint-signature" in failed(report)
    assert check(report, "inclusion").status == "not-checked"


def test_a_package_with_its_own_key_and_no_log_key_ends_6(package: Tampered) -> None:
    report = verify_package(rewritten(package).root)
    assert report.exit_code == 6
    assert failed(report) == {"checkpoint-signature"}


def rewritten(package: Tampered) -> Tampered:
    """A whole history by an intruder's key of the same name: only the actor is another."""
    entries, previous = [], "0" * 64
    for raw in package.entries():
        entry = canonical.encode({**canonical.decode(raw), "case_prev": previous, "actor": "nobody"})
        previous = sha256(b"\x00" + entry).hexdigest()
        entries.append(entry)
    return package.rebuild(entries, Signer.generate(ORIGIN))


def test_one_entry_replaced_in_place_is_caught(package: Tampered, key: Verifier) -> None:
    package.write(ENTRIES, package.read(ENTRIES).replace(b'"actor":"system"', b'"actor":"nobody"', 1))
    report = verify_package(package.reseal().root, key)
    assert failed(report) == {"case-chain", "inclusion"}
    assert proof_path(1) in subjects(report)


def test_two_entries_in_another_order_are_caught(package: Tampered, key: Verifier) -> None:
    lines = package.read(ENTRIES).splitlines(keepends=True)
    lines[2], lines[3] = lines[3], lines[2]
    report = verify_package(package.write(ENTRIES, b"".join(lines)).reseal().root, key)
    assert "case-chain" in failed(report)


def test_an_entry_that_is_written_otherwise_is_not_canonical(package: Tampered, key: Verifier) -> None:
    package.write(ENTRIES, package.read(ENTRIES).replace(b'"v":1}', b'"v": 1}', 1))
    assert "canonical" in failed(verify_package(package.reseal().root, key))


def test_the_proof_of_another_entry_is_caught(package: Tampered, key: Verifier) -> None:
    package.write(proof_path(3), package.read(proof_path(4)))
    report = verify_package(package.reseal().root, key)
    assert "inclusion" in failed(report)
    assert proof_path(3) in subjects(report)


def test_a_missing_proof_is_incomplete(package: Tampered, key: Verifier) -> None:
    (package.root / proof_path(3)).unlink()
    report = verify_package(package.reseal().root, key)
    assert (report.exit_code, failed(report)) == (3, {"inclusion"})


def test_a_proof_that_is_too_long_is_refused(package: Tampered, key: Verifier) -> None:
    magic, index, rest = package.read(proof_path(3)).split(b"\n", 2)
    line = rest.split(b"\n")[0] + b"\n"
    package.write(proof_path(3), magic + b"\n" + index + b"\n" + line * 64 + rest)
    assert failed(verify_package(package.reseal().root, key)) == {"canonical", "inclusion"}
    package.write(proof_path(3), package.read(proof_path(4)) + b"x" * 200_000)
    assert failed(verify_package(package.reseal().root, key)) >= {"canonical", "inclusion"}


def test_an_edited_body_is_caught(package: Tampered, key: Verifier) -> None:
    package.write(BODIES, package.read(BODIES).replace(b"clip 1.mp4", b"clip 7.mp4"))
    assert failed(verify_package(package.reseal().root, key)) == {"bodies"}


def test_a_body_that_no_entry_binds_is_caught(package: Tampered, key: Verifier) -> None:
    line = package.read(BODIES).splitlines(keepends=True)[0]
    package.write(BODIES, package.read(BODIES) + line.replace(b"case:opened", b"case:shut"))
    assert failed(verify_package(package.reseal().root, key)) == {"bodies"}


def test_a_body_that_is_not_there_is_incomplete(package: Tampered, key: Verifier) -> None:
    package.write(BODIES, b"".join(package.read(BODIES).splitlines(keepends=True)[1:]))
    report = verify_package(package.reseal().root, key)
    assert (report.exit_code, failed(report)) == (3, {"bodies"})


def test_an_edited_stream_proof_is_caught(package: Tampered, key: Verifier) -> None:
    name = "streams/EX-0001.working.mp4.framehash"
    lines = package.read(name).splitlines(keepends=True)
    package.write(name, b"".join(lines[:-1]))
    report = verify_package(package.reseal().root, key)
    assert failed(report) == {"record", "stream-proof"}


def test_another_key_beside_the_right_one_is_caught(package: Tampered, key: Verifier) -> None:
    package.write("log.pub.pem", public_pem(Signer.generate(ORIGIN).verifier))
    report = verify_package(package.reseal().root, key)
    assert report.exit_code == 1 or "log.vkey" in subjects(report)
    assert verify_package(package.root).exit_code == 1


HOSTILE = [
    "../x",
    "/etc/passwd",
    "data/..",
    "data/../../x",
    "data/./x",
    "data//x",
    "data/",
    "data/.hidden",
    "data/a b",
    "data/a\\b",
    "data/æ",
    "data/%2e%2e/x",
    "data/" + "x" * 300,
    "custody/entries.jsonl",
    "data/EX-0001.original.mp4",
    "data/ex-0001.ORIGINAL.mp4",
    "data/EX-0001.working.mp4\r",
    "",
]


@pytest.mark.parametrize("path", HOSTILE)
def test_a_hostile_line_in_the_manifest_is_refused_and_nothing_outside_is_read(
    package: Tampered, key: Verifier, path: str
) -> None:
    digest = sha256(b"").hexdigest()
    package.write(PAYLOAD_MANIFEST, package.read(PAYLOAD_MANIFEST) + f"{digest}  {path}\n".encode())
    report = verify_package(package.reseal().root, key)
    assert {"bag", "export-entry"} <= failed(report)
    assert PAYLOAD_MANIFEST in subjects(report)
    assert check(report, "digest").status == "pass" or path in FILES


def test_a_manifest_with_carriage_returns_is_refused(package: Tampered, key: Verifier) -> None:
    package.write(PAYLOAD_MANIFEST, package.read(PAYLOAD_MANIFEST).replace(b"\n", b"\r\n"))
    assert {"bag", "export-entry"} <= failed(verify_package(package.reseal().root, key))


@pytest.mark.parametrize("target", ["/etc/passwd", "EX-0002.original.mp4", "nowhere"])
def test_a_symbolic_link_is_refused(package: Tampered, key: Verifier, target: str) -> None:
    place = package.root / "data" / "EX-0001.original.mp4"
    place.unlink()
    place.symlink_to(target)
    report = verify_package(package.root, key)
    assert report.exit_code == 1
    assert "It is a symbolic link" in check(report, "bag").reason


def test_a_folder_that_is_a_link_is_not_followed(package: Tampered, key: Verifier, tmp_path: Path) -> None:
    (package.root / "data").rename(tmp_path / "elsewhere")
    (package.root / "data").symlink_to(tmp_path / "elsewhere")
    report = verify_package(package.root, key)
    assert {"bag"} <= failed(report)
    assert "symbolic link" in " ".join(item.what for item in check(report, "bag").defects)


def test_a_pipe_is_refused_and_not_waited_for(package: Tampered, key: Verifier) -> None:
    (package.root / "log.vkey").unlink()
    os.mkfifo(package.root / "log.vkey")
    assert "It is no regular file" in check(verify_package(package.root, key), "bag").reason


def test_names_that_only_capitals_tell_apart_are_refused(package: Tampered, key: Verifier) -> None:
    package.write("verify.SH", b"")
    assert "Only capitals" in check(verify_package(package.root, key), "bag").reason


def test_a_file_that_no_manifest_lists_is_named(package: Tampered, key: Verifier) -> None:
    package.write("custody/note.txt", b"")
    report = verify_package(package.root, key)
    assert (report.exit_code, failed(report)) == (1, {"bag"})
    assert "custody/note.txt" in subjects(report)


@pytest.mark.parametrize("name", [n for n in FILES if n != TAG_MANIFEST])
def test_a_missing_file_is_named_and_never_passes(package: Tampered, key: Verifier, name: str) -> None:
    (package.root / name).unlink()
    report = verify_package(package.root, key)
    assert report.exit_code == (6 if name == CHECKPOINT else 1 if name in UNCOVERED_WITHOUT else 3)
    assert name in subjects(report)


@pytest.mark.parametrize("name", [n for n in FILES if not n.startswith("data/")])
def test_no_change_of_a_file_passes_wherever_it_is(package: Tampered, key: Verifier, name: str) -> None:
    rng = random.Random(name)
    whole = package.read(name)
    for _ in range(8):
        at = rng.randrange(len(whole))
        changed = rng.choice(
            [
                whole[:at] + bytes([whole[at] ^ 1 << rng.randrange(8)]) + whole[at + 1 :],
                whole[:at] + whole[at + 1 :],
                whole[:at] + rng.randbytes(1) + whole[at:],
                whole[:at],
            ]
        )
        package.write(name, changed)
        assert verify_package(package.root, key).exit_code != 0 or changed == whole


def test_a_folder_that_is_no_package_is_unreadable(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="no export package"):
        verify_package(tmp_path)
    with pytest.raises(UnreadableError, match="could not be read as a folder"):
        verify_package(tmp_path / "nowhere")


@pytest.mark.parametrize("raw", [b"", b"\xff\xfe", b"-----BEGIN PUBLIC KEY-----\nAA==\n", b"name+0+AA"])
def test_what_is_no_key_is_refused(raw: bytes) -> None:
    with pytest.raises(TrustMaterialError):
        parse_public(raw, "file")
