"""Searching exhibits: what is given must all hold; on every database alike."""

import pytest

from evidence.catalogue.captures import captures_in, put_captures
from evidence.catalogue.cases import open_case, renumber_case
from evidence.catalogue.engine import Catalogue
from evidence.catalogue.intake import Submission, add_file, add_submission
from evidence.catalogue.search import Near, Wanted, search_exhibits
from evidence.errors import UsageError
from evidence.exhibits import Digests, Source
from evidence.jsontypes import Json

NOW = "2026-11-23T08:00:00.000000Z"
# Town hall squares, from west to east, and one on the other side of the date line.
PLACES = {"Aarhus": (56.1532, 10.2037), "Copenhagen": (55.6759, 12.5690), "Suva": (-18.14, 178.44)}


@pytest.fixture
def filled(catalogue: Catalogue) -> Catalogue:
    """Three cases of one exhibit each: taken at one place, a day after each other."""
    with catalogue.write() as connection:
        for n, (latitude, longitude) in enumerate(PLACES.values(), 1):
            case = open_case(connection, f"0{n}00-10293-00001-26", NOW)
            submission = Submission(f"s{n}", case.id, Source.SEIZED, "tester")
            add_submission(connection, submission, NOW)
            digests = Digests(1, f"{n:064x}", f"{n:064x}", 2, (f"{n:064x}",))
            added = add_file(connection, submission, name=b"a", digests=digests, spool=str(n), now=NOW)
            times: list[Json] = [{"value": f"2026:03:0{n} 12:00:00+01:00", "source": "EXIF"}]
            places: list[Json] = [{"latitude": latitude, "longitude": longitude}]
            put_captures(connection, added.exhibit_id, {"capture_times": times, "positions": places})
    return catalogue


def found(catalogue: Catalogue, **wanted: object) -> list[int]:
    with catalogue.read() as connection:
        exhibits = search_exhibits(connection, Wanted(**wanted), 10)  # type: ignore[arg-type]
    return [int(exhibit.digests.sha256, 16) for exhibit in exhibits]


def test_by_digest(filled: Catalogue) -> None:
    assert found(filled, sha256=f"{2:064x}") == [2]
    assert found(filled, sha256=f"{9:064x}") == []


def test_by_the_beginning_of_the_number_that_the_case_has_now(filled: Catalogue) -> None:
    assert found(filled, case_prefix="0") == [1, 2, 3]
    assert found(filled, case_prefix="0200-1") == [2]
    assert found(filled, case_prefix="0200-10293-00001-26x") == []
    with filled.write() as connection:
        [exhibit] = search_exhibits(connection, Wanted(case_prefix="0200"), 10)
        case = open_case(connection, "0900-10293-00001-26", NOW)
        renumber_case(connection, case, "0201-10293-00001-26", NOW)
    assert exhibit.case_number == "0200-10293-00001-26"
    assert found(filled, case_prefix="0201") == []  # that case has no exhibit


def test_by_time_as_the_file_shows_it_both_ends_included(filled: Catalogue) -> None:
    assert found(filled, since="2026-03-02T12:00:00") == [2, 3]
    assert found(filled, until="2026-03-02T12:00:00") == [1, 2]
    assert found(filled, since="2026-03-01T12:00:01", until="2026-03-02T23:59:59") == [2]


@pytest.mark.parametrize(
    ("near", "expected"),
    [
        (Near(55.6759, 12.5690, 1), [2]),
        (Near(55.6759, 12.5690, 150_000), [2]),  # Aarhus is 157 km away
        (Near(55.6759, 12.5690, 160_000), [1, 2]),
        (Near(55.6850, 12.5690, 1_000), []),  # 1012 m to the north
        (Near(55.6850, 12.5690, 1_020), [2]),
        (Near(-18.14, -179.99, 200_000), [3]),  # across the date line
        (Near(90, 0, 1_000), []),
    ],
)
def test_by_place(filled: Catalogue, near: Near, expected: list[int]) -> None:
    assert found(filled, near=near) == expected


def test_all_that_is_given_must_hold(filled: Catalogue) -> None:
    copenhagen = Near(*PLACES["Copenhagen"], 100)
    assert found(filled, case_prefix="02", since="2026-03-02", near=copenhagen) == [2]
    assert found(filled, case_prefix="01", since="2026-03-02", near=copenhagen) == []


def test_no_more_than_asked_for(filled: Catalogue) -> None:
    with filled.read() as connection:
        assert len(search_exhibits(connection, Wanted(case_prefix="0"), 2)) == 2


def test_a_search_for_nothing_is_refused(filled: Catalogue) -> None:
    with pytest.raises(UsageError):
        found(filled)


def test_what_is_no_time_and_no_place_is_passed_over() -> None:
    times, places = captures_in(
        {
            "capture_times": [{"value": "0000:00:00 00:00:00"}, {"value": "2026-02-30 12:00"}, {}, "x"],
            "positions": [
                {"latitude": 91, "longitude": 0},
                {"latitude": float("nan"), "longitude": 0},
                {"latitude": True, "longitude": 1},
                {"latitude": "55", "longitude": 12},
                {"latitude": 55, "longitude": 12},
                {"latitude": 55.0, "longitude": 12.0},
            ],
        }
    )
    assert (times, places) == ([], [(55.0, 12.0)])
    assert captures_in(None) == ([], [])
