"""What an intruder does to a package, and seals again as far as can be: all three verifiers refuse it."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from evidence.jsontypes import JsonObject
from hashing import canonical
from hashing.bag import TAG_MANIFEST
from hashing.keys import public_pem
from hashing.note_keys import Signature, Signer
from hashing.notes import split_note
from hashing.package import verify_package
from hashing.package_files import BODIES, CHECKPOINT, ENTRIES, KEYS, proof_path
from tests.disclosure.packages import Tampered, export_all
from tests.disclosure.test_verify_html import browser, told
from tests.disclosure.test_verify_sh import Shell, exported, failures, package, pem, shell
from tests.hashing.cases import Scene, failed

__all__ = ["browser", "exported", "package", "pem", "shell"]  # fixtures

Attack = Callable[[Tampered], object]


def planted(path: str) -> Attack:
    def attack(package: Tampered) -> None:
        (package.root / path).parent.mkdir(exist_ok=True)
        package.write(path, b"what somebody added")

    return attack


def removed(path: str) -> Attack:
    return lambda package: (package.root / path).unlink()


def changed(path: str, change: Callable[[bytes], bytes]) -> Attack:
    return lambda package: package.write(path, change(package.read(path)))


def with_wrong_line_of_the_log(package: Tampered) -> None:
    """A second signature under the name and the id of the log's own key, that is none."""
    note = package.read(CHECKPOINT)
    _, [signature, *_] = split_note(note)
    wrong = Signature(signature.name, signature.blob[:4] + bytes(64))
    package.write(CHECKPOINT, note + wrong.line)


def body_lines(package: Tampered) -> list[JsonObject]:
    return [canonical.decode(line) for line in package.read(BODIES).splitlines()]


def put_lines(package: Tampered, lines: list[JsonObject]) -> None:
    package.write(BODIES, b"".join(canonical.encode(line) + b"\n" for line in lines))


def emptied(state: str, *numbers: int) -> Attack:
    """Bodies said to be erased or left out; all of them where no number is named."""

    def attack(package: Tampered) -> None:
        lines = body_lines(package)
        for number in numbers or range(1, len(lines) + 1):
            lines[number - 1] |= {"state": state, "salt": "", "body": ""}
        put_lines(package, lines)

    return attack


def respelled(**fields: Callable[[str], str] | str) -> Attack:
    def attack(package: Tampered) -> None:
        lines = body_lines(package)
        for name, value in fields.items():
            lines[1][name] = value if isinstance(value, str) else value(str(lines[1][name]))
        put_lines(package, lines)

    return attack


def respelt_hash(raw: bytes) -> bytes:
    """A proof's first hash with a spare bit set: the same bytes to a reader that does not look."""
    lines = raw.split(b"\n")
    place = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".index(lines[2][-2:-1])
    letter = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"[place | 1 : (place | 1) + 1]
    lines[2] = lines[2][:-2] + letter + b"="
    return b"\n".join(lines)


FORM = {
    "a file beside the payload": planted("EX-0004.original.jpg"),
    "a folder beside the payload": planted("data2/EX-0004.original.jpg"),
    "a file in custody": planted("custody/entries-full.jsonl"),
    "a file that a system leaves": planted("Thumbs.db"),
    "no bagit.txt": removed("bagit.txt"),
    "no bag-info.txt": removed("bag-info.txt"),
}
LEDGER = {
    "entries without their last line's end": changed(ENTRIES, lambda raw: raw[:-1]),
    "a proof with more in it": changed(
        proof_path(3), lambda raw: raw.replace(b"\nindex", b"\nextra aGVq\nindex", 1)
    ),
    "a proof of another checkpoint": changed(proof_path(3), lambda raw: raw.replace(b"\n13\n", b"\n12\n")),
    "a proof whose checkpoint is cut off": changed(
        proof_path(3), lambda raw: raw.partition(b"\n\n")[0] + b"\n\n"
    ),
    "a proof of no entry": lambda package: package.write(proof_path(99), package.read(proof_path(3))),
    "a very long proof": changed(
        proof_path(3),
        lambda raw: raw.replace(b"\n\n", b"\n" + raw.split(b"\n")[2] + b"\n\n", 1).replace(
            raw.split(b"\n")[2] + b"\n", (raw.split(b"\n")[2] + b"\n") * 100_000, 1
        ),
    ),
    "a proof with a hash in other base64": changed(proof_path(3), respelt_hash),
    "a proof whose checkpoint has a further line": changed(
        proof_path(3), lambda raw: raw.replace(b"=\n\n\xe2", b"=\ngarbage\n\n\xe2")
    ),
    "a proof whose checkpoint is not signed": changed(
        proof_path(3), lambda raw: b"".join(raw.splitlines(keepends=True)[:-1])
    ),
    "something behind a proof": changed(proof_path(3), lambda raw: raw + b"junk\n"),
    "a checkpoint's signature in other base64": changed(CHECKPOINT, lambda raw: raw[:-1] + b"====\n"),
    "a wrong signature of the log beside the right one": with_wrong_line_of_the_log,
    "a line in the checkpoint that is no signature": changed(CHECKPOINT, lambda raw: raw + b"garbage\n"),
    "a checkpoint without its last line's end": changed(CHECKPOINT, lambda raw: raw[:-1]),
}
CONTENT = {
    "bodies without their last line's end": changed(BODIES, lambda raw: raw[:-1]),
    "all bodies left out": emptied("left-out"),
    "the export's own body left out": emptied("left-out", 11),
    "one body left out of a whole case": emptied("left-out", 2),
    "one body erased, and no entry says so": emptied("erased", 2),
    "a state that there is not": respelled(state="xyz"),
    "left out, and yet there": respelled(state="left-out"),
    "a salt in capitals": respelled(salt=str.upper),
    "a text as base64": respelled(encoding="base64", body="eyJ4IjoxfQ=="),
}


def refused_by_the_program(package: Tampered, scene: Scene) -> int:
    return verify_package(package.root, scene.signer.verifier).exit_code


@pytest.mark.parametrize("name", [*FORM, *LEDGER])
def test_the_program_and_the_page_refuse_it(
    browser: Browser, package: Tampered, exported: tuple[Path, Scene], name: str
) -> None:
    (FORM | LEDGER)[name](package)
    package.reseal()
    assert refused_by_the_program(package, exported[1]) in (1, 3)
    assert told(browser, package.root, key=exported[1].signer.verifier.vkey).verdict == "bad"


@pytest.mark.parametrize("name", [*FORM, *LEDGER])
def test_the_shell_refuses_it(shell: Shell, package: Tampered, pem: Path, name: str) -> None:
    (FORM | LEDGER)[name](package)
    package.reseal()
    done = shell.verify(package.root, pem)
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.parametrize("name", CONTENT)
def test_both_that_read_bodies_refuse_it(
    browser: Browser, package: Tampered, exported: tuple[Path, Scene], name: str
) -> None:
    CONTENT[name](package)
    package.reseal()
    report = verify_package(package.root, exported[1].signer.verifier)
    assert (report.exit_code in (1, 3), failed(report)) == (True, {"bodies"})
    assert told(browser, package.root, key=exported[1].signer.verifier.vkey).failed == {"bodies"}


def test_a_file_whose_name_is_two_lines_of_the_list_is_no_listed_one(
    shell: Shell, package: Tampered, exported: tuple[Path, Scene]
) -> None:
    names = [line.partition("  ")[2] for line in package.read(TAG_MANIFEST).decode().splitlines()]
    (package.root / "\n".join(names[:2]).replace("/", "-")).write_bytes(b"evil")
    (package.root / "VERIFY.txt\nbag-info.txt").write_bytes(b"evil")
    done = shell.verify(package.root)
    assert (done.returncode, "may not stand in a package" in failures(done)) == (1, True)
    assert refused_by_the_program(package, exported[1]) == 1


def test_streams_that_a_manifest_lists_are_missed(package: Tampered, exported: tuple[Path, Scene]) -> None:
    shutil.rmtree(package.root / "streams")
    report = verify_package(package.reseal().root, exported[1].signer.verifier)
    assert (report.exit_code, failed(report)) == (3, {"stream-proof"})


@pytest.mark.parametrize("change", ["another past", "no proof", "a damaged proof", "a proof cut short"])
def test_the_newest_key_alone_cannot_make_another_past(
    shell: Shell, browser: Browser, scene: Scene, tmp_path: Path, change: str
) -> None:
    """Whoever has an earlier key from elsewhere relies on the log going on from where that one ended."""
    old = scene.signer.verifier
    scene.rotate()
    package = Tampered(export_all(scene, tmp_path / "P"))
    size = scene.former[0].size
    key = tmp_path / "old.pem"
    key.write_bytes(public_pem(old))
    assert shell.verify(package.root, key).returncode == 0
    assert told(browser, package.root, key=old.vkey).verdict == "allgood"
    if change == "another past":
        forged = [
            json.dumps(json.loads(entry) | {"case_seq": 1}, separators=(",", ":"), sort_keys=True).encode()
            for entry in package.entries()
        ]
        package.rebuild([*forged, *(b"more %d" % n for n in range(size))], scene.signer)
    elif change == "no proof":
        (package.root / KEYS / f"{size}.consistency").unlink()
    elif change == "a damaged proof":
        package.write(f"{KEYS}{size}.consistency", b"old 5\n")
    else:
        path = f"{KEYS}{size}.consistency"
        package.write(path, package.read(path)[:-1])
    package.reseal()
    assert verify_package(package.root, old).exit_code in (1, 3)
    done = shell.verify(package.root, key)
    assert (done.returncode, "keys: the signed tree is not shown to begin" in failures(done)) == (1, True)
    for key_given in (old.vkey, scene.signer.verifier.vkey, ""):
        assert "checkpoint-signature" in told(browser, package.root, key=key_given).failed


def test_a_package_by_another_signer_is_refused(package: Tampered, exported: tuple[Path, Scene]) -> None:
    package.rebuild(package.entries(), Signer.generate(exported[1].signer.name))
    assert refused_by_the_program(package, exported[1]) == 1
