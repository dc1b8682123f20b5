import hashlib
import json
from dataclasses import asdict, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence.custody import CustodyEvent, EventBody, EventObject, PendingEvent
from evidence.errors import IntegrityError, UsageError
from evidence.jsontypes import Json, JsonObject
from hashing import canonical
from hashing.entries import (
    MAX_ENTRY,
    NO_ENTRY,
    body_matches,
    check_event,
    entry_bytes,
    make_body,
    parse_entry,
)

OBJECT = EventObject("EX-0001", "original", "ab" * 32, 12345)
EVENT = PendingEvent(
    1,
    "job-7:object.stored",
    "object.stored",
    "2026-11-23T03:34:44.123456Z",
    "worker",
    "case2b",
    (OBJECT,),
    "cd" * 32,
)


def entry_of(event: PendingEvent, case_seq: int = 1, case_prev: str = NO_ENTRY) -> bytes:
    return entry_bytes(event, log="vidne.example/log", case_seq=case_seq, case_prev=case_prev)


def test_an_entry_is_these_bytes() -> None:
    assert entry_of(EVENT) == (
        b'{"actor":"worker","at":"2026-11-23T03:34:44.123456Z","body_hash":"'
        + b"cd" * 32
        + b'","case":"case2b",'
        b'"case_prev":"'
        + b"0"
        * 64
        + b'","case_seq":1,"event_id":"job-7:object.stored","log":"vidne.example/log",'
        b'"objects":[{"exhibit":"EX-0001","role":"original","sha256":"' + b"ab" * 32 + b'","size":12345}],'
        b'"type":"object.stored","v":1}'
    )


def test_an_entry_is_read_back() -> None:
    entry = parse_entry(entry_of(EVENT, 2, "ef" * 32))
    assert (entry.event_id, entry.case, entry.objects) == (EVENT.event_id, EVENT.case, EVENT.objects)
    assert (entry.case_seq, entry.case_prev, entry.body_hash) == (2, "ef" * 32, "cd" * 32)


@pytest.mark.parametrize(
    "change",
    [
        {"v": 2}, {"v": "1"}, {"event_id": ""}, {"event_id": "a b"}, {"event_id": "é"}, {"type": "stored"},
        {"type": "Object.Stored"}, {"at": "2026-11-23T03:34:44Z"}, {"at": "2026-11-23T03:34:44.123456+01:00"},
        {"at": "٢٠٢٦-11-23T03:34:44.123456Z"}, {"actor": ""}, {"actor": "Jens Hansen"},
        {"case": "0123-45678-90123-45"}, {"case_seq": 0}, {"case_seq": True}, {"case_prev": ""},
        {"body_hash": "CD" * 32}, {"objects": {}}, {"objects": [{}]}, {"extra": 1},
        {"objects": [{"exhibit": "EX-0001", "role": "original", "sha256": "ab" * 32, "size": -1}]},
    ],
)  # fmt: skip
def test_an_entry_of_another_form_is_refused(change: JsonObject) -> None:
    value: JsonObject = json.loads(entry_of(EVENT))
    with pytest.raises(IntegrityError):
        parse_entry(canonical.encode({**value, **change}))


TEXTS = st.text(st.sampled_from('ab1 "\\/é\x7f\n\U0001f4f7'), max_size=6)
IDS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=9)


@given(IDS, TEXTS, st.integers(1, 2**53 - 1), st.integers(0, 2**53 - 1), st.integers(0, 3))
def test_an_entry_says_what_its_event_said_also_where_its_texts_need_escapes(
    event_id: str, log: str, seq: int, size: int, count: int
) -> None:
    event = replace(EVENT, event_id=event_id, objects=(replace(OBJECT, size=size),) * count)
    entry = parse_entry(entry_bytes(event, log=log, case_seq=seq, case_prev="ef" * 32))
    assert (entry.event_id, entry.log, entry.case_seq, entry.objects) == (event_id, log, seq, event.objects)


@given(
    st.integers(0, 430),
    st.integers(0, 40),
    st.text('01aZ-.:,"{}[]\\ \n٢é', max_size=8) | st.sampled_from(['"size":01', '"v":1.0', '"v":1', "[]"]),
)
def test_what_is_read_is_the_canonical_form_of_what_it_says(at: int, length: int, instead: str) -> None:
    raw = entry_of(EVENT)
    edited = raw[:at] + instead.encode() + raw[at + length :]
    try:
        entry = parse_entry(edited)
    except IntegrityError:
        return
    value = {"v": 1, **asdict(entry), "objects": [asdict(item) for item in entry.objects]}
    assert canonical.encode(value) == edited


def test_what_could_not_be_read_back_is_not_written() -> None:
    for bad in (replace(EVENT, actor="Jens Hansen"), replace(EVENT, at="now"), replace(EVENT, body_hash="")):
        with pytest.raises(IntegrityError):
            entry_of(bad)


def test_an_entry_stays_under_64_kib() -> None:
    long = replace(EVENT, objects=(OBJECT,) * 600)
    with pytest.raises(UsageError, match="600 objects"):
        entry_of(long)
    with pytest.raises(IntegrityError, match="bytes"):
        parse_entry(b"{" + b" " * MAX_ENTRY)


def test_an_event_that_no_entry_can_hold_is_refused_before_it_is_filed() -> None:
    event = CustodyEvent("job-7:object.stored", EVENT.type, EVENT.at, EVENT.actor, EVENT.case, (OBJECT,))
    check_event(event)
    check_event(replace(event, objects=(OBJECT,) * 400))
    with pytest.raises(UsageError):
        check_event(replace(event, objects=(OBJECT,) * 600))
    with pytest.raises(IntegrityError, match="actor"):
        check_event(replace(event, actor="Jens Hansen"))


@given(st.integers(0, 480))
def test_what_is_accepted_for_the_inbox_fits_at_every_place(count: int) -> None:
    event = CustodyEvent("j:t", EVENT.type, EVENT.at, EVENT.actor, EVENT.case, (OBJECT,) * count)
    try:
        check_event(event)
    except UsageError:
        return
    pending = replace(EVENT, objects=event.objects, event_id=event.event_id)
    entry_bytes(pending, log="x" * 255, case_seq=2**53 - 1, case_prev="ab" * 32)


def test_a_body_is_bound_by_its_salted_hash() -> None:
    sealed = make_body({"name": "café"})
    assert sealed.body == '{"name":"café"}'.encode()
    assert len(sealed.salt) == 32
    assert sealed.body_hash == hashlib.sha256(sealed.salt + sealed.body).hexdigest()
    assert body_matches(EventBody("e", sealed.salt, sealed.body), sealed.body_hash)
    assert not body_matches(EventBody("e", sealed.salt, b'{"name":"cafe"}'), sealed.body_hash)
    assert not body_matches(EventBody("e", None, None), sealed.body_hash)


def test_salt_and_body_cannot_be_cut_at_another_place() -> None:
    sealed = make_body({"a": 1})
    shifted = EventBody("e", sealed.salt + sealed.body[:1], sealed.body[1:])
    assert not body_matches(shifted, sealed.body_hash)


def test_the_same_body_has_another_hash_each_time() -> None:
    assert make_body({"a": 1}).body_hash != make_body({"a": 1}).body_hash


@pytest.mark.parametrize("value", [1.5, "\ud800", 2**53])
def test_a_body_without_canonical_form_is_refused(value: Json) -> None:
    with pytest.raises(IntegrityError):
        make_body({"a": value})
