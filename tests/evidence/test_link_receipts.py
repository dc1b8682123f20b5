"""What a sender's own files look like to the catalogue, on every database alike."""

import pytest

from evidence.catalogue.cases import open_case
from evidence.catalogue.engine import Catalogue, Connection
from evidence.catalogue.exhibits import mark_sealed
from evidence.catalogue.intake import Submission, add_file, add_submission, complete_submission
from evidence.catalogue.jobs import Stage
from evidence.catalogue.link_receipts import (
    completed_at,
    digest_of_upload,
    oldest_waiting,
    put_browser_digest,
    sent_files,
)
from evidence.catalogue.link_submissions import LinkSubmission, add_link_submission, submission_of_receipt
from evidence.catalogue.scans import put_scan, unscanned_uploads
from evidence.catalogue.uploads import Upload, UploadState, add_upload, end_upload, mark_filed
from evidence.exhibits import Digests, Source
from evidence.links import LinkKind
from ingest import links
from ingest.links import NewLink

NOW, SOON, FAR = (f"2026-11-{day}T08:00:00.000000Z" for day in (23, 24, 30))
RECEIPT = "a" * 64
SHA = "b" * 64


def upload(number: int, state: UploadState = UploadState.COMPLETE) -> Upload:
    return Upload(
        id=f"up{number}",
        submission_id="sub",
        link_id="",
        name=f"{number}.mp4".encode(),
        size=7,
        offset=0,
        token=0,
        state=state,
        reason="",
        changed_at=NOW,
        expires_at=FAR,
        home="",
        browser_sha256=None,
        sha256=None,
        ordinal=None,
    )


@pytest.fixture
def link_id(catalogue: Catalogue) -> str:
    """Of a link with a submission of three uploads: filed, given up, coming in."""
    with catalogue.write() as connection:
        case = open_case(connection, "0100-10293-00001-26", NOW)
        new = NewLink(LinkKind.PERSONAL, ("da",), FAR, 5, 5, 1000)
        link, _ = links.create(connection, case.id, new, "officer", NOW)
        add_link_submission(connection, LinkSubmission("sub", link.id, "da", "1", {}, NOW, None), RECEIPT)
        for number, state in (
            (1, UploadState.COMPLETE),
            (2, UploadState.RECEIVING),
            (3, UploadState.RECEIVING),
        ):
            add_upload(connection, upload(number, state), f"2026-11-23T08:00:0{number}.000000Z")
        assert end_upload(connection, "up2", UploadState.TERMINATED, NOW)
        file_first(connection, case.id)
    return link.id


def file_first(connection: Connection, case_id: str) -> None:
    owner = Submission("sub", case_id, Source.CITIZEN, "link:x")
    add_submission(connection, owner, SOON)
    digests = Digests(7, SHA, SHA, 8, (SHA,))
    intake = add_file(connection, owner, name=b"1.mp4", digests=digests, spool="spooled", now=SOON)
    mark_filed(connection, "up1", SHA, intake.ordinal, SOON)


def test_files_are_shown_as_they_were_sent_but_for_those_given_up(catalogue: Catalogue, link_id: str) -> None:
    with catalogue.read() as connection:
        filed, coming = sent_files(connection, "sub")
    assert (filed.name, filed.upload_state, filed.sha256, filed.filed_at) == (b"1.mp4", "filed", SHA, SOON)
    assert (filed.is_stored, filed.is_open) == (False, False)
    assert (coming.name, coming.exhibit_id, coming.is_stored, coming.is_open) == (b"3.mp4", None, False, True)


def test_an_original_counts_as_stored_once_its_exhibit_is_sealed(catalogue: Catalogue, link_id: str) -> None:
    with catalogue.write() as connection:
        filed, _ = sent_files(connection, "sub")
        mark_sealed(connection, str(filed.exhibit_id))
        assert sent_files(connection, "sub")[0].is_stored


def test_the_oldest_that_waits_is_of_the_stage_that_is_asked_for(catalogue: Catalogue, link_id: str) -> None:
    with catalogue.write() as connection:
        assert oldest_waiting(connection) == oldest_waiting(connection, Stage.SEAL) == SOON
        connection.exec_driver_sql("UPDATE job SET state = 'done' WHERE stage = 'seal'")
        assert (oldest_waiting(connection), oldest_waiting(connection, Stage.SEAL)) == (SOON, None)
        connection.exec_driver_sql("UPDATE job SET state = 'quarantined' WHERE stage <> 'seal'")
        assert oldest_waiting(connection) is None, "a person has to look at it: nobody waits for that"


def test_completed_is_what_the_submission_says(catalogue: Catalogue, link_id: str) -> None:
    with catalogue.write() as connection:
        assert completed_at(connection, "sub") is None
        complete_submission(connection, "sub", SOON)
        assert completed_at(connection, "sub") == SOON
        assert completed_at(connection, "another") is None


def test_digests_are_had_with_their_link(catalogue: Catalogue, link_id: str) -> None:
    with catalogue.write() as connection:
        found = digest_of_upload(connection, "up1")
        assert found is not None
        assert (found.link_id, found.sha256, found.ordinal, found.number) == (link_id, SHA, 1, 1)
        put_browser_digest(connection, "up3", SHA)
        coming = digest_of_upload(connection, "up3")
        assert coming is not None
        assert (coming.browser_sha256, coming.sha256, coming.number) == (SHA, None, None)
        assert digest_of_upload(connection, "nothing") is None


def test_a_receipt_s_hash_finds_its_submission(catalogue: Catalogue, link_id: str) -> None:
    with catalogue.read() as connection:
        found = submission_of_receipt(connection, RECEIPT)
        assert found is not None
        assert (found.id, found.link_id) == ("sub", link_id)
        assert submission_of_receipt(connection, "c" * 64) is None


def test_what_is_sealed_and_not_scanned_waits_for_the_scanner(catalogue: Catalogue, link_id: str) -> None:
    with catalogue.write() as connection:
        assert unscanned_uploads(connection, 10) == []
        filed, _ = sent_files(connection, "sub")
        mark_sealed(connection, str(filed.exhibit_id))
        [waiting] = unscanned_uploads(connection, 10)
        assert (waiting.upload_id, waiting.exhibit_id, waiting.sha256) == ("up1", filed.exhibit_id, SHA)
        put_scan(connection, "up1", {"result": "clean"})
        assert unscanned_uploads(connection, 10) == []
