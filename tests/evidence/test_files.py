import stat
from pathlib import Path

import pytest

from evidence.files import create_file, make_durable_folders, replace_file


def test_a_file_is_created_once(tmp_path: Path) -> None:
    path = tmp_path / "file"
    create_file(path, b"first", 0o600)
    with pytest.raises(FileExistsError):
        create_file(path, b"second")
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"first", 0o600)
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for content in (b"the first, which is longer", b"second"):
        replace_file(path, content)
        assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


def test_who_has_it_open_keeps_what_he_reads(tmp_path: Path) -> None:
    path = tmp_path / "file"
    replace_file(path, b"old")
    with path.open("rb") as reader:
        replace_file(path, b"new")
        assert reader.read() == b"old"


def test_nothing_is_left_of_what_cannot_be_written(tmp_path: Path) -> None:
    folder = tmp_path / "taken"
    folder.mkdir()
    (folder / "inside").touch()
    with pytest.raises(OSError, match="directory"):
        replace_file(folder, b"content")
    assert list(tmp_path.iterdir()) == [folder]


def test_folders_are_made_with_those_above_them(tmp_path: Path) -> None:
    make_durable_folders(tmp_path / "a" / "b")
    make_durable_folders(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()
