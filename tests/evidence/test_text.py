from hypothesis import example, given
from hypothesis import strategies as st

from evidence.text import human_size, name_bytes, name_from_bytes, printable


@given(st.binary(max_size=300).filter(lambda raw: b"\0" not in raw))
def test_a_file_name_survives_a_round_trip_byte_for_byte(raw: bytes) -> None:
    assert name_bytes(name_from_bytes(raw)) == raw


@example("clip\u2000.mp4".encode())  # a space that looks like another
@given(st.binary(max_size=300).filter(lambda raw: b"\0" not in raw))
def test_what_is_shown_is_printable_and_can_always_be_encoded(raw: bytes) -> None:
    shown = printable(name_from_bytes(raw))
    shown.encode("utf-8")
    assert shown.isprintable()
    assert len(shown) <= 255


def test_bytes_that_are_not_text_and_direction_marks_are_seen() -> None:
    assert printable("caf\udce9.mp4") == "caf\\xe9.mp4"
    assert printable("exe\u202egpj.mp4") == "exe\\u{202e}gpj.mp4"
    assert printable("a\nb\x1b[31m") == "a\\x0ab\\x1b[31m"


def test_a_long_name_keeps_its_suffix() -> None:
    assert printable("x" * 400 + ".mp4").endswith(".mp4")


def test_sizes_read_as_in_a_file_manager() -> None:
    assert [human_size(n) for n in (0, 999, 682_941, 3_000_000_000)] == ["0 B", "999 B", "682.9 kB", "3.0 GB"]
