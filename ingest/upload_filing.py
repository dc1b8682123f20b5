"""From a complete upload to a file of its submission: one read gives the digests, one transaction files it.

Whatever dies on the way is taken up again by the next sweep: the state of the upload's row decides.
"""

import logging

from evidence.catalogue.cases import get_case, lock_case
from evidence.catalogue.engine import Catalogue, Connection
from evidence.catalogue.intake import Intake, Submission, add_file, add_submission
from evidence.catalogue.link_submissions import LinkSubmission, get_link_submission
from evidence.catalogue.links import UploadLink, find_link
from evidence.catalogue.upload_ends import begun_submission
from evidence.catalogue.uploads import Upload, UploadState, end_upload, get_upload, mark_filed
from evidence.clock import Clock, timestamp
from evidence.errors import NotFoundError, VidneError
from evidence.exhibits import Digests, Source
from evidence.jsontypes import JsonObject
from evidence.links import LinkKind, link_actor
from hashing.digests import digest_file
from ingest import events
from ingest.custody import record
from ingest.upload_spool import BusyError, BytesLostError, UploadSpool

log = logging.getLogger(__name__)


class Filer:
    """Files complete uploads."""

    def __init__(self, catalogue: Catalogue, spool: UploadSpool, *, clock: Clock, home: str = "") -> None:
        """`home` as for ingest.uploads.Uploads."""
        self._catalogue = catalogue
        self._spool = spool
        self._clock = clock
        self._home = home

    def file(self, upload_id: str) -> bool:
        """File an upload, if it is complete and nobody else has it in hand; whether it was filed now.

        A case that was closed meanwhile gets the file all the same, and the custody event says so. Raises
        BytesLostError, with the upload refused, where bytes are gone; StorageFullError, UnavailableError,
        UnreadableError, after which it can be tried again.
        """
        with self._catalogue.read() as connection:
            upload = get_upload(connection, upload_id)
        if upload is None or upload.state is not UploadState.COMPLETE or not self._is_here(upload):
            return False
        try:
            with self._spool.finished(upload) as stream:
                digests = digest_file(stream)
                self._spool.place(upload_id)
                intake = self._enter(upload, digests)
        except BusyError as busy:
            log.info("upload %s: %s", upload_id, busy)
            return False
        except BytesLostError as lost:
            if self._refuse(upload, lost):
                raise
            return False  # somebody else filed it, and took them away
        if intake is None:
            return False
        try:
            self._spool.release(upload_id, wanted=intake.wants_spool)
        except VidneError as error:  # it is filed: what is left goes with the next sweep
            log.warning("upload %s left something behind: %s", upload_id, error)
        return True

    def _is_here(self, upload: Upload) -> bool:
        return upload.home in ("", self._home)

    def _enter(self, upload: Upload, digests: Digests) -> Intake | None:
        """The one transaction; None where somebody else was first."""
        now = timestamp(self._clock())
        with self._catalogue.write() as connection:
            link = find_link(connection, upload.link_id)
            lock_case(connection, link.case_id)
            sent = get_link_submission(connection, upload.submission_id, lock=True)
            found = get_upload(connection, upload.id, lock=True)
            if sent is None or found is None:
                raise NotFoundError(f"The upload {upload.id} has lost its submission.")
            if found.state is not UploadState.COMPLETE:
                return None
            owner = begun_submission(connection, sent.id)
            if owner is None:
                owner = _submission(link, sent)
                add_submission(connection, owner, now)
            intake = add_file(
                connection,
                owner,
                name=found.name,
                digests=digests,
                spool=self._spool.filed_name(found.id),
                now=now,
                home=found.home,
            )
            told = _told(connection, link, sent, found)
            event = events.received(owner, found.name, digests, intake, owner.actor, now, portal=told)
            record(connection, event)
            mark_filed(connection, found.id, digests.sha256, intake.ordinal, now)
        return intake

    def _refuse(self, upload: Upload, lost: BytesLostError) -> bool:
        with self._catalogue.write() as connection:
            refused = end_upload(
                connection,
                upload.id,
                UploadState.REFUSED,
                timestamp(self._clock()),
                reason=lost.what,
                before=UploadState.COMPLETE,
            )
        if refused:
            log.error("upload %s was received whole, and is not whole any more: %s", upload.id, lost)
        return refused


def _submission(link: UploadLink, sent: LinkSubmission) -> Submission:
    """The submission that the first file makes, with the clock readings that were given so far."""
    source = Source.BUSINESS if link.kind is LinkKind.BUSINESS else Source.CITIZEN
    shown, true = (sent.answers.get(name) for name in ("clock_shown", "clock_true"))
    return Submission(
        sent.id,
        link.case_id,
        source,
        link_actor(link.id),
        None if shown is None else str(shown),
        None if true is None else str(true),
    )


def _told(connection: Connection, link: UploadLink, sent: LinkSubmission, upload: Upload) -> JsonObject:
    return {
        "upload": upload.id,
        "language": sent.language,
        "declaration": sent.declaration,
        "browser_sha256": upload.browser_sha256,
        "case_closed_at": get_case(connection, link.case_id).closed_at,
    }
