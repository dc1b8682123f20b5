"""What the holder of a link can do but for the bytes themselves: plain calls that block, for API and forms.

Each raises LinkError for a code that opens nothing, with one text for all causes.
"""

from apps.portal.app import Portal
from apps.portal.receipts import identical
from evidence.cases import exhibit_label, reference
from evidence.catalogue.link_receipts import Digest, digest_of_upload, put_browser_digest
from evidence.catalogue.links import FootageRequest, UploadLink
from evidence.clock import timestamp
from evidence.custody import CustodyEvent, EventObject
from evidence.errors import ConflictError, LinkError
from evidence.exhibits import Role
from evidence.jsontypes import Json, JsonObject
from evidence.links import Grant, link_actor
from ingest import link_submissions, links
from ingest.custody import record
from ingest.declaration import current_version, declaration
from ingest.footage_requests import hours_left
from ingest.link_submissions import Answers, Begun, Contact
from ingest.links import grant_of, open_link, request_json


def view_link(portal: Portal, code: str) -> JsonObject:
    """What GET /api/link answers."""
    moment = portal.application.clock()
    with portal.application.catalogue.read() as connection:
        seen = links.view(connection, code, timestamp(moment))
    link = seen.link
    messages: list[Json] = [{"at": item.at, "text": item.text} for item in seen.messages]
    languages: list[Json] = [*link.languages]
    asked = seen.request
    return {
        "kind": link.kind,
        "reference": reference(link.id),
        "languages": languages,
        "expires_at": link.expires_at,
        "declaration": {"version": current_version()},
        "limits": {
            "files": link.max_files,
            "bytes": link.max_bytes,
            "largest": min(link.max_bytes, portal.settings.portal_largest_file),
        },
        "uses_left": seen.uses_left,
        "request": None if asked is None else _request(asked, hours_left(asked, moment)),
        "messages": messages,
    }


def visit(portal: Portal, code: str) -> str:
    """The code of a link of their own for a visitor who holds the code of a poster."""
    with portal.application.catalogue.write() as connection:
        return links.visit(connection, code, _now(portal))


def begin(portal: Portal, code: str, language: str, version: str) -> Begun:
    """A submission, to which that version of the declaration was shown; NotFoundError where there is none."""
    controller, dpo = portal.settings.portal_controller, portal.settings.portal_dpo
    shown = declaration(version, language, controller=controller, dpo=dpo)
    with portal.application.catalogue.write() as connection:
        return link_submissions.begin(connection, code, shown, controller, dpo, _now(portal))


def answer(
    portal: Portal,
    code: str,
    submission_id: str,
    answers: Answers,
    contact: Contact | None,
    *,
    keeps_contact: bool = False,
) -> None:
    """Keep what the sender says, in place of what was said before; see ingest.link_submissions.answer."""
    with portal.application.catalogue.write() as connection:
        link_submissions.answer(
            connection, code, submission_id, answers, contact, _now(portal), keeps_contact=keeps_contact
        )


def end(portal: Portal, code: str, submission_id: str) -> None:
    """The sender says that all is sent; the submission is complete once its uploads are filed."""
    with portal.application.catalogue.write() as connection:
        link_submissions.end(connection, code, submission_id, _now(portal))
    portal.uploads.sweep.complete_ended()


def compare(portal: Portal, code: str, upload_id: str, sha256: str) -> bool | None:
    """Keep what the sender's browser made of a file; whether what was received is the same.

    None: that is not known yet. What comes after the file was filed is an event of its own
    (`file.compared`), once. Raises ConflictError where the browser said something else before.
    """
    now = _now(portal)
    with portal.application.catalogue.write() as connection:
        link = open_link(connection, code, now)
        found = digest_of_upload(connection, upload_id)
        if found is None or found.link_id != link.id:
            raise LinkError
        same = identical(found.sha256, sha256)
        if found.browser_sha256 is None:
            put_browser_digest(connection, upload_id, sha256)
            if found.number is not None:
                record(connection, _compared(link, found, sha256, now))
        elif identical(found.browser_sha256, sha256) is False:
            raise ConflictError("The browser gave another digest of this file before.")
    return same


def authorise(portal: Portal, code: str) -> Grant:
    """What the holder of a link may do now."""
    with portal.application.catalogue.read() as connection:
        return grant_of(connection, code, _now(portal))


def _compared(link: UploadLink, found: Digest, browser_sha256: str, now: str) -> CustodyEvent:
    received = found.sha256 or ""
    return CustodyEvent(
        f"{found.upload_id}:file.compared",
        "file.compared",
        now,
        link_actor(link.id),
        link.case_id,
        (EventObject(exhibit_label(found.number or 0), Role.ORIGINAL, received, found.size),),
        {
            "submission": found.submission_id,
            "ordinal": found.ordinal,
            "browser_sha256": browser_sha256,
            "identical": identical(received, browser_sha256),
        },
    )


def _request(asked: FootageRequest, hours: int | None) -> JsonObject:
    told = {name: value for name, value in request_json(asked).items() if name != "rules_version"}
    return {**told, "hours_left": hours}


def _now(portal: Portal) -> str:
    return timestamp(portal.application.clock())
