"""What a sender says: the last word counts, contact data stands in one kind of event, repeats are silent."""

import json

import pytest

from evidence.catalogue.cases import Case, open_case
from evidence.catalogue.engine import Catalogue
from evidence.catalogue.erasure import erase_bodies
from evidence.catalogue.intake import Submission, add_submission
from evidence.catalogue.link_submissions import get_link_submission
from evidence.errors import ConflictError, LinkError, UsageError
from evidence.exhibits import Source
from evidence.jsontypes import JsonObject
from evidence.links import LinkKind, link_actor
from ingest import link_submissions, links
from ingest.declaration import declaration
from ingest.link_submissions import MOST_ANSWERS, Answers, Begun, Contact
from ingest.links import NewLink
from tests.ingest.test_links import EXPIRY, NOW, NUMBER, SOON, events, stored

SAID = Answers("lørdag ved titiden", "Torvet 1", "22:10", "22:07", "Bilen var grå.\nMåske blå.")
PERSON = Contact("Alma Solbærgaard", "87654321", "alma@example.org")


@pytest.fixture
def case(catalogue: Catalogue) -> Case:
    with catalogue.write() as connection:
        return open_case(connection, NUMBER, NOW)


@pytest.fixture
def code(catalogue: Catalogue, case: Case) -> str:
    new = NewLink(LinkKind.PERSONAL, ("da", "en"), EXPIRY, 5, 5, 1000)
    with catalogue.write() as connection:
        return links.create(connection, case.id, new, "officer", NOW)[1]


@pytest.fixture
def begun(catalogue: Catalogue, code: str) -> Begun:
    with catalogue.write() as connection:
        shown = declaration("1", "da", controller="Testkredsen")
        return link_submissions.begin(connection, code, shown, "Testkredsen", "", NOW)


def answer(
    catalogue: Catalogue,
    code: str,
    begun: Begun,
    said: Answers = SAID,
    contact: Contact | None = None,
    *,
    keeps_contact: bool = False,
) -> None:
    with catalogue.write() as connection:
        link_submissions.answer(connection, code, begun.id, said, contact, SOON, keeps_contact=keeps_contact)


def answers_of(catalogue: Catalogue, begun: Begun) -> JsonObject:
    with catalogue.read() as connection:
        found = get_link_submission(connection, begun.id)
    assert found is not None
    return found.answers


def test_custody_has_the_version_that_was_shown(catalogue: Catalogue, case: Case, begun: Begun) -> None:
    [(_, actor, of_case, body)] = events(catalogue, "declaration.shown")
    assert of_case == case.id
    assert actor.startswith("link:")
    assert body["submission"] == begun.id
    assert (body["version"], body["language"], body["controller"]) == ("1", "da", "Testkredsen")
    assert body["sha256"] == declaration("1", "da").sha256


def test_what_is_said_is_kept_and_recorded_as_what_was_said(
    catalogue: Catalogue, code: str, begun: Begun
) -> None:
    answer(catalogue, code, begun)
    assert answers_of(catalogue, begun) == {
        "recorded_at": SAID.recorded_at,
        "place": SAID.place,
        "clock_shown": "22:10",
        "clock_true": "22:07",
        "note": SAID.note,
        "recorded_at_from": None,
        "change": 1,
        "contact": 0,
    }
    [(_, _, _, body)] = events(catalogue, "submission.answers")
    assert body["note"] == SAID.note
    assert events(catalogue, "contact.") == []


def test_the_last_answers_count_and_the_same_again_is_no_event(
    catalogue: Catalogue, code: str, begun: Begun
) -> None:
    answer(catalogue, code, begun)
    answer(catalogue, code, begun)
    assert len(events(catalogue, "submission.answers")) == 1
    answer(catalogue, code, begun, Answers(place="Torvet 2"))
    assert len(events(catalogue, "submission.answers")) == 2
    kept = answers_of(catalogue, begun)
    assert (kept["place"], kept["note"]) == ("Torvet 2", None)


def test_a_clock_reaches_a_submission_that_has_its_first_file(
    catalogue: Catalogue, case: Case, code: str, begun: Begun
) -> None:
    with catalogue.write() as connection:
        add_submission(connection, Submission(begun.id, case.id, Source.CITIZEN, link_actor(begun.id)), NOW)
    answer(catalogue, code, begun)
    with catalogue.read() as connection:
        row = connection.exec_driver_sql("SELECT clock_shown, clock_true FROM submission").one()
    assert tuple(row) == ("22:10", "22:07")


def test_contact_data_stand_in_the_body_of_one_event_and_nowhere_else(
    catalogue: Catalogue, code: str, begun: Begun
) -> None:
    answer(catalogue, code, begun, contact=PERSON)
    [(_, _, _, body)] = events(catalogue, "contact.given")
    assert (body["name"], body["phone"], body["email"]) == (PERSON.name, PERSON.phone, PERSON.email)
    assert stored(catalogue).count(PERSON.phone) == 1
    assert PERSON.name not in json.dumps(answers_of(catalogue, begun))


def test_contact_data_stay_where_nothing_is_said_of_them(
    catalogue: Catalogue, code: str, begun: Begun
) -> None:
    answer(catalogue, code, begun, contact=PERSON)
    answer(catalogue, code, begun, Answers(note="more"), keeps_contact=True)
    answer(catalogue, code, begun, Answers(note="more"), contact=PERSON)
    assert [kind for kind, *_ in events(catalogue, "contact.")] == ["contact.given"]


def test_who_wants_to_be_unnamed_after_all_is(catalogue: Catalogue, code: str, begun: Begun) -> None:
    answer(catalogue, code, begun, contact=PERSON)
    answer(catalogue, code, begun, contact=None)
    answer(catalogue, code, begun, contact=None)
    told = events(catalogue, "contact.")
    assert [kind for kind, *_ in told] == ["contact.given", "contact.withdrawn"]
    assert told[1][3] == {"submission": begun.id}
    other = Contact(phone="12345678")
    answer(catalogue, code, begun, contact=other)
    assert events(catalogue, "contact.")[-1][3]["phone"] == "12345678"


def test_the_answers_of_one_link_cannot_be_given_through_another(
    catalogue: Catalogue, case: Case, code: str, begun: Begun
) -> None:
    new = NewLink(LinkKind.PERSONAL, ("da",), EXPIRY, 5, 5, 1000)
    with catalogue.write() as connection:
        _, other = links.create(connection, case.id, new, "officer", NOW)
    with pytest.raises(LinkError):
        answer(catalogue, other, begun)
    with catalogue.write() as connection, pytest.raises(LinkError):
        link_submissions.end(connection, other, begun.id, NOW)
    assert answers_of(catalogue, begun) == {}


@pytest.mark.parametrize(
    ("said", "contact"),
    [
        (Answers(note="x" * 4001), None),
        (Answers(place="\ud800"), None),
        (Answers(place="Torvet\x00"), None),
        (Answers(), Contact(email="a" * 321)),
        (Answers(), Contact(name="\x1b[2J")),
    ],
)
def test_what_is_too_long_or_no_text_is_refused(
    catalogue: Catalogue, code: str, begun: Begun, said: Answers, contact: Contact | None
) -> None:
    with pytest.raises(UsageError):
        answer(catalogue, code, begun, said, contact)
    assert answers_of(catalogue, begun) == {}


def test_answers_are_not_changed_without_end(catalogue: Catalogue, code: str, begun: Begun) -> None:
    for number in range(MOST_ANSWERS):
        answer(catalogue, code, begun, Answers(note=str(number)))
    with pytest.raises(ConflictError):
        answer(catalogue, code, begun, Answers(note="once more"))
    assert len(events(catalogue, "submission.answers")) == MOST_ANSWERS


def test_the_first_end_counts(catalogue: Catalogue, code: str, begun: Begun) -> None:
    for moment in (NOW, SOON):
        with catalogue.write() as connection:
            link_submissions.end(connection, code, begun.id, moment)
    with catalogue.read() as connection:
        found = get_link_submission(connection, begun.id)
    assert found is not None
    assert found.ended_at == NOW


def test_what_was_written_can_be_erased_and_the_clock_stays_with_the_submission(
    catalogue: Catalogue, case: Case, code: str, begun: Begun
) -> None:
    answer(catalogue, code, begun, Answers(note="an older word"))
    answer(catalogue, code, begun)
    with catalogue.write() as connection:
        add_submission(
            connection,
            Submission(begun.id, case.id, Source.CITIZEN, link_actor(begun.id), "22:10", "22:07"),
            NOW,
        )
        assert erase_bodies(connection, [f"{begun.id}-1:submission.answers"])
    assert answers_of(catalogue, begun)["note"] == SAID.note, "that is a later word"
    with catalogue.write() as connection:
        erase_bodies(connection, [f"{begun.id}-2:submission.answers"])
    assert "Bilen" not in stored(catalogue)
    assert answers_of(catalogue, begun) == {"change": 2}
    with catalogue.read() as connection:
        row = connection.exec_driver_sql("SELECT clock_shown, clock_true FROM submission").one()
    assert tuple(row) == ("22:10", "22:07")
    answer(catalogue, code, begun, Answers(note="once more"))
    assert answers_of(catalogue, begun)["change"] == 3


def test_a_message_can_be_erased(catalogue: Catalogue, case: Case, code: str) -> None:
    with catalogue.write() as connection:
        link = links.open_link(connection, code, NOW)
        links.tell(connection, link, "Kære Alma, send originalen.", "officer", NOW)
    [event_id] = [name for name in ids(catalogue) if name.endswith(":link.message")]
    with catalogue.write() as connection:
        assert erase_bodies(connection, [event_id]) == [event_id]
    assert "Alma" not in stored(catalogue)


def ids(catalogue: Catalogue) -> list[str]:
    with catalogue.read() as connection:
        return [row[0] for row in connection.exec_driver_sql("SELECT event_id FROM ledger_inbox ORDER BY id")]
