"""What of a ZIP archive is taken out, what is not, and that no archive costs more than its limits."""

import os
import stat
import time
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.archives import link, of_mode, quoted_bomb, raw_archive, zipped
from transcode import archive_rules as rules
from transcode.archive import DamagedMemberError, look, reading


def taken(path: Path, work: Path) -> dict[bytes, bytes]:
    """Every member that can be taken out and read whole, by its name."""
    found: dict[bytes, bytes] = {}
    with reading(path, look(path).members, work) as reader:
        while (entry := reader.next_entry()) is not None:
            found[entry.name] = b"".join(reader.chunks(entry))
    return found


@pytest.mark.parametrize("method", rules.METHODS)
def test_members_come_out_byte_for_byte_by_each_method(tmp_path: Path, method: int) -> None:
    data = os.urandom(3 << 20) + bytes(1 << 20)
    path = zipped(tmp_path / "a.zip", ("ch1/clip.mp4", data), ("empty", b""), method=method)
    assert taken(path, tmp_path) == {b"ch1/clip.mp4": data, b"empty": b""}


def test_folders_are_no_members(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", ("ch1/", b""), ("ch1/note", b"n"))
    assert [entry.name for entry in look(path).members] == [b"ch1/note"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("../evil", "leads out"),
        ("a/../../evil", "leads out"),
        ("a\\..\\evil", "leads out"),
        ("/etc/evil", "absolute"),
        ("\\\\server\\share", "absolute"),
        ("C:\\evil", "drive"),
        ("c:evil", "drive"),
        ("x" * 2000, "longer"),
        (link("evil"), "symbolic link"),
        (of_mode("evil", stat.S_IFBLK | 0o600), "no regular file"),
        (of_mode("evil", stat.S_IFIFO | 0o600), "no regular file"),
    ],
)
def test_what_could_do_harm_as_a_file_is_left_out_and_named(
    tmp_path: Path, name: str | zipfile.ZipInfo, reason: str
) -> None:
    listing = look(zipped(tmp_path / "a.zip", ("good", b"g"), (name, b"/etc/passwd")))
    assert [entry.name for entry in listing.members] == [b"good"]
    assert [reason in item.reason for item in listing.left_out] == [True]


@pytest.mark.parametrize("flags", [0, 0x800])
@pytest.mark.parametrize("name", [b"caf\x82.txt", b"\xe5\xe6\xf8.txt", "æøå.txt".encode(), b"new\nline"])
def test_a_name_is_kept_byte_for_byte_whatever_it_claims_to_be(
    tmp_path: Path, name: bytes, flags: int
) -> None:
    path = raw_archive(tmp_path / "a.zip", [(name, b"x")], flags=flags)
    assert taken(path, tmp_path) == {name: b"x"}


def test_a_name_with_a_zero_byte_is_left_out(tmp_path: Path) -> None:
    listing = look(raw_archive(tmp_path / "a.zip", [(b"good", b"g"), (b"a.mp4\0.exe", b"x")]))
    assert [item.name for item in listing.left_out] == [b"a.mp4\0.exe"]


def test_two_members_of_one_name_are_both_taken(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", ("dup", b"one"), ("dup", b"two"))
    with reading(path, look(path).members, tmp_path) as reader:
        read = []
        while (entry := reader.next_entry()) is not None:
            read.append((entry.place, b"".join(reader.chunks(entry))))
    assert read == [(0, b"one"), (1, b"two")]


def test_encrypted_members_and_unknown_methods_are_named(tmp_path: Path) -> None:
    assert "encrypted" in look(raw_archive(tmp_path / "a.zip", [(b"a", b"x" * 20)], flags=1)).refused
    assert "method (number 9)" in look(raw_archive(tmp_path / "b.zip", [(b"a", b"x")], method=9)).refused


def test_a_damaged_member_is_told_and_the_next_is_read(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", ("first", b"A" * 1000), ("second", b"B" * 10), method=0)
    path.write_bytes(path.read_bytes().replace(b"A" * 500, b"A" * 499 + b"X", 1))
    with reading(path, look(path).members, tmp_path) as reader:
        first = reader.next_entry()
        assert first is not None
        with pytest.raises(DamagedMemberError, match="CRC"):
            list(reader.chunks(first))
        second = reader.next_entry()
        assert second is not None
        assert b"".join(reader.chunks(second)) == b"B" * 10
        assert reader.next_entry() is None


@pytest.mark.parametrize("kept", [0.0, 0.5, 0.9, 0.999])
def test_a_cut_archive_is_refused_and_says_what_to_do(tmp_path: Path, kept: float) -> None:
    path = zipped(tmp_path / "a.zip", *((f"m{n}", os.urandom(1000)) for n in range(5)))
    os.truncate(path, int(path.stat().st_size * kept))
    refused = look(path).refused
    assert "cut or damaged" in refused
    assert refused.endswith("Send the files in it.")


def test_too_many_entries_are_refused_without_being_listed(tmp_path: Path) -> None:
    path = raw_archive(tmp_path / "a.zip", [(b"%05d" % n, b"") for n in range(60_000)])
    began = time.monotonic()
    assert "60000 entries, more than 10000" in look(path).refused
    assert time.monotonic() - began < 60


def test_a_member_that_unfolds_beyond_measure_is_left_out(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", ("zeros", bytes(20 << 20)), ("good", os.urandom(1 << 20)))
    listing = look(path)
    assert [entry.name for entry in listing.members] == [b"good"]
    assert "200 times" in listing.left_out[0].reason


def test_an_archive_that_unfolds_beyond_measure_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", *((f"{n}", bytes(9 << 20)) for n in range(12)))
    assert "ZIP bomb" in look(path).refused


def test_entries_that_share_their_bytes_are_refused(tmp_path: Path) -> None:
    path = quoted_bomb(tmp_path / "a.zip")
    with zipfile.ZipFile(path) as archive:
        assert sum(entry.file_size for entry in archive.infolist()) > 1000 * path.stat().st_size
    assert "overlap" in look(path).refused


def test_a_size_that_lies_gives_no_more_bytes_than_it_says(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", ("a", bytes(5000)))
    raw = bytearray(path.read_bytes())
    at = raw.rindex(b"PK\1\2") + 24
    raw[at : at + 4] = (100).to_bytes(4, "little")
    path.write_bytes(raw)
    with reading(path, look(path).members, tmp_path) as reader:
        entry = reader.next_entry()
        assert entry is not None
        with pytest.raises(DamagedMemberError):
            list(reader.chunks(entry))


@pytest.mark.parametrize("name", ["[Content_Types].xml", "META-INF/MANIFEST.MF"])
def test_a_document_that_is_a_zip_archive_inside_stays_whole(tmp_path: Path, name: str) -> None:
    assert "not footage" in look(zipped(tmp_path / "a.docx", (name, b"x"), ("word/a.xml", b"y"))).refused


ENTRY = st.builds(
    rules.Entry,
    place=st.just(0),
    name=st.binary(max_size=20),
    size=st.integers(0, 1 << 40),
    packed=st.integers(0, 1 << 20),
    offset=st.integers(0, 1 << 21),
    method=st.sampled_from([0, 8, 9]),
    flags=st.integers(0, 3),
    mode=st.sampled_from([0, stat.S_IFREG | 0o644, stat.S_IFLNK | 0o777]),
)


@given(st.lists(ENTRY, max_size=6), st.integers(0, 1 << 22))
def test_whatever_a_directory_claims_what_is_taken_keeps_to_the_limits(
    entries: list[rules.Entry], size: int
) -> None:
    listing = rules.judge(entries, count=len(entries), directory_at=size, size=size)
    total = sum(entry.size for entry in listing.members)
    assert bool(listing.refused) != bool(listing.members)
    assert total <= max(rules.TOTAL_RATIO_FROM, rules.TOTAL_RATIO * size)
    assert sum(entry.packed for entry in listing.members) <= size
    for entry in listing.members:
        assert not stat.S_ISLNK(entry.mode)
        assert not entry.flags & 1
        assert b".." not in entry.name.replace(b"\\", b"/").split(b"/")
        assert not entry.name.startswith((b"/", b"\\"))


def test_an_archive_without_files_is_refused(tmp_path: Path) -> None:
    assert "no files" in look(zipped(tmp_path / "a.zip", ("folder/", b""))).refused
    assert "no files" in look(zipped(tmp_path / "b.zip")).refused
