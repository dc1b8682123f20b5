"""Upload links: made, opened, revoked; each change is a custody event in its own transaction.

A link into a closed case, one that expired or was revoked and one that never was answer alike: LinkError.
"""

from dataclasses import dataclass

from evidence.cases import new_id, reference
from evidence.catalogue import links
from evidence.catalogue.cases import get_case, lock_case, numbers_of, require_open
from evidence.catalogue.engine import Connection
from evidence.catalogue.link_submissions import has_open_submission
from evidence.catalogue.links import FootageRequest, Message, UploadLink
from evidence.custody import CustodyEvent
from evidence.errors import ConflictError, LinkError, UsageError
from evidence.jsontypes import Json, JsonObject
from evidence.links import Grant, LinkKind, code_hash, link_actor, new_code
from ingest.custody import record

MAX_MESSAGE = 1000  # characters

_NO_HASH = "0" * 64  # asked for where a code cannot be one, so that both ways cost the same
_VISITS_EACH = 5  # submissions of one visitor


@dataclass(frozen=True, slots=True)
class NewLink:
    """What a new link is to allow; `uses` are submissions, of an incident link visitors."""

    kind: LinkKind
    languages: tuple[str, ...]
    expires_at: str
    uses: int
    files: int
    bytes: int
    request: FootageRequest | None = None


@dataclass(frozen=True, slots=True)
class LinkView:
    """What the holder of a link is shown of it; `request` is there for a business alone."""

    link: UploadLink
    uses_left: int
    request: FootageRequest | None
    messages: tuple[Message, ...]


def create(
    connection: Connection, case_id: str, new: NewLink, actor: str, now: str
) -> tuple[UploadLink, str]:
    """A new link to an open case, and its code, which is nowhere else (`link.created`).

    Raises UsageError where something is asked for that cannot be, or would tell the holder the case's number.
    """
    _check(new, now)
    lock_case(connection, case_id)
    require_open(get_case(connection, case_id))
    if new.request is not None:
        asked = new.request
        said = (asked.business, asked.place, asked.camera, asked.legal_basis, asked.order_reference)
        for text in said:
            _require_no_number(connection, case_id, text)
    return _add(connection, case_id, new, None, actor, now)


def visit(connection: Connection, code: str, now: str) -> str:
    """The code of a new link for a visitor who holds that of an incident link; raises LinkError."""
    parent = open_link(connection, code, now, lock=True)
    if parent.kind is not LinkKind.INCIDENT or links.uses_of(connection, parent) >= parent.max_uses:
        raise LinkError
    new = NewLink(
        LinkKind.VISITOR,
        parent.languages,
        parent.expires_at,
        _VISITS_EACH,
        parent.max_files,
        parent.max_bytes,
    )
    return _add(connection, parent.case_id, new, parent.id, link_actor(parent.id), now)[1]


def open_link(connection: Connection, code: str, now: str, *, lock: bool = False) -> UploadLink:
    """The link that `code` opens at `now`; raises LinkError, which does not say why it opens none.

    `lock` keeps others from using or revoking it until this transaction ends.
    """
    found = links.link_with_hash(connection, code_hash(code) or _NO_HASH, lock=lock)
    if found is None:
        raise LinkError
    link, is_open = found
    if not is_open or not link.is_alive(now):
        raise LinkError
    return link


def grant_of(connection: Connection, code: str, now: str) -> Grant:
    """What the holder of `code` may do at `now`; raises LinkError, with one text for all causes.

    Whether a further submission may be begun is asked when one is.
    """
    link = open_link(connection, code, now)
    return Grant(link.id, link.kind, link.case_id, link.max_files, link.max_bytes)


def view(connection: Connection, code: str, now: str) -> LinkView:
    """What the holder of `code` is shown; raises LinkError, also where it is used up and nothing is open."""
    link = open_link(connection, code, now)
    left = max(0, link.max_uses - links.uses_of(connection, link))
    if not left and not has_open_submission(connection, link.id):
        raise LinkError
    heard = [link.id] if link.parent_id is None else [link.parent_id, link.id]
    messages = tuple(links.messages_of(connection, heard))
    return LinkView(link, left, links.request_of(connection, link.id), messages)


def revoke(connection: Connection, link: UploadLink, reason: str, actor: str, now: str) -> int:
    """Revoke a link, at once and for uploads under way as well (`link.revoked`).

    Returns how many visitors' links went with it; raises ConflictError where it is revoked already.
    """
    revoked = links.revoke_link(connection, link.id, now)
    if link.id not in revoked:
        raise ConflictError(f"The link {reference(link.id)} is revoked already.")
    body: JsonObject = {"link": reference(link.id), "visitors": len(revoked) - 1, "reason": reason}
    _record(connection, link, "revoked", link.id, actor, now, body)
    return len(revoked) - 1


def tell(connection: Connection, link: UploadLink, text: str, actor: str, now: str) -> None:
    """A message to whoever holds the link (`link.message`).

    Raises UsageError for an empty, too long or unfit text, ConflictError where nobody can read it any more.
    """
    words = text.strip()
    if not words or len(words) > MAX_MESSAGE:
        raise UsageError(
            f"The message has {len(words)} characters.", advice=f"Write 1 to {MAX_MESSAGE} characters."
        )
    _require_no_number(connection, link.case_id, words)
    if not link.is_alive(now):
        raise ConflictError(
            f"The link {reference(link.id)} has expired or is revoked: nobody can read a message by it.",
            advice="Make a new link.",
        )
    number = links.add_message(connection, link.id, actor, words, now)
    body: JsonObject = {"link": reference(link.id), "text": words}
    _record(connection, link, "message", f"{link.id}-{number}", actor, now, body)


def request_json(asked: FootageRequest) -> JsonObject:
    """What a business is asked for, as custody has it."""
    return {
        "business": asked.business,
        "place": asked.place,
        "camera": asked.camera,
        "wanted_from": asked.wanted_from,
        "wanted_until": asked.wanted_until,
        "legal_basis": asked.legal_basis,
        "order_reference": asked.order_reference,
        "overwritten_at": asked.overwritten_at,
        "rules_version": asked.rules_version,
    }


def _add(
    connection: Connection, case_id: str, new: NewLink, parent_id: str | None, actor: str, now: str
) -> tuple[UploadLink, str]:
    code, hashed = new_code()
    link = UploadLink(
        id=new_id(),
        case_id=case_id,
        kind=new.kind,
        parent_id=parent_id,
        languages=new.languages,
        created_at=now,
        created_by=actor,
        expires_at=new.expires_at,
        revoked_at=None,
        max_uses=new.uses,
        max_files=new.files,
        max_bytes=new.bytes,
    )
    links.add_link(connection, link, hashed)
    if new.request is not None:
        links.add_request(connection, link.id, new.request)
    languages: list[Json] = [*new.languages]
    body: JsonObject = {
        "link": reference(link.id),
        "kind": new.kind,
        "parent": reference(parent_id) if parent_id else None,
        "languages": languages,
        "expires_at": new.expires_at,
        "uses": new.uses,
        "files": new.files,
        "bytes": new.bytes,
        "request": request_json(new.request) if new.request else None,
    }
    _record(connection, link, "created", link.id, actor, now, body)
    return link, code


def _check(new: NewLink, now: str) -> None:
    if new.expires_at <= now:
        raise UsageError("The link would have expired already.", advice="Give it some days.")
    if min(new.uses, new.files, new.bytes) < 1:
        raise UsageError("The link would allow nothing.", advice="Uses, files and bytes are 1 at least.")
    if (new.kind is LinkKind.BUSINESS) != (new.request is not None):
        raise UsageError(
            "A link of the kind business carries a request, and no other does.",
            advice="Say which business, place, camera and time, and the legal basis, with --kind business.",
        )


def _require_no_number(connection: Connection, case_id: str, text: str) -> None:
    for number, _, _ in numbers_of(connection, case_id):
        if number in text:
            raise UsageError(
                f"{text!r} has the case's number in it, which says what the offence is.",
                advice="The holder of the link would read it: leave it out.",
            )


def _record(
    connection: Connection, link: UploadLink, what: str, key: str, actor: str, now: str, body: JsonObject
) -> None:
    event = CustodyEvent(f"{key}:link.{what}", f"link.{what}", now, actor, link.case_id, body=body)
    record(connection, event)
