"""Uploads through links: how far each came, and whose request may go on with it.

A token is given anew to each request that goes on with an upload. What an earlier one still brings is refused
by it: the row alone says which bytes count.
"""

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import BindParameter, Connection, Row, bindparam, case, func, insert, select, update

from evidence.catalogue.portal_tables import link_submission, upload
from evidence.catalogue.upload_chunks import Chunk, add_chunk
from evidence.errors import ConflictError, NotFoundError


class UploadState(StrEnum):
    """The life of an upload."""

    RECEIVING = "receiving"
    COMPLETE = "complete"  # every byte is durable; it becomes a file of its submission at once
    FILED = "filed"
    TERMINATED = "terminated"  # by its sender
    EXPIRED = "expired"
    REFUSED = "refused"  # the place where its bytes lay has lost some

    @property
    def is_received(self) -> bool:
        """Whether all its bytes came in."""
        return self in (UploadState.COMPLETE, UploadState.FILED)

    @property
    def is_open(self) -> bool:
        """Whether something is still to happen with it."""
        return self in (UploadState.RECEIVING, UploadState.COMPLETE)


class EvictedError(ConflictError):
    """Another request goes on with the upload, or it has ended: what this one brings no longer counts."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file on its way through a link: `offset` of its `size` bytes are durable.

    `home` names the data folder that has its bytes; empty where every machine can get at them.
    """

    id: str
    submission_id: str
    link_id: str
    name: bytes
    size: int
    offset: int
    token: int
    state: UploadState
    reason: str
    changed_at: str
    expires_at: str
    home: str
    browser_sha256: str | None
    sha256: str | None
    ordinal: int | None


# Built once: they are asked with every request of the public.
_OF_ID: BindParameter[str] = bindparam("of_id")
_OF_TOKEN: BindParameter[int] = bindparam("of_token")
_NOW: BindParameter[str] = bindparam("now")
_END: BindParameter[int] = bindparam("end")
_UPLOADS = select(
    *(column for column in upload.c if column.name not in ("created_at", "scan")), link_submission.c.link_id
).join(link_submission, link_submission.c.id == upload.c.submission_id)
_BY_ID = _UPLOADS.where(upload.c.id == _OF_ID)
_LOCKED = _BY_ID.with_for_update(of=upload)
_OF_LINK = _BY_ID.where(link_submission.c.link_id == bindparam("of_link"))
_TAKE = (
    update(upload)
    .where(upload.c.id == _OF_ID, upload.c.state == "receiving", upload.c.offset == bindparam("at"))
    .values(token=upload.c.token + 1, changed_at=_NOW, expires_at=bindparam("expires"))
    .returning(upload.c.token)
)
_HELD = (
    upload.c.id == _OF_ID,
    upload.c.token == _OF_TOKEN,
    upload.c.state == "receiving",
    upload.c.offset == bindparam("start"),
)
_ADVANCE = (
    update(upload)
    .where(*_HELD, upload.c.size >= _END)
    .values(
        offset=_END,
        state=case((upload.c.size == _END, "complete"), else_="receiving"),
        changed_at=_NOW,
        expires_at=bindparam("expires"),
    )
)
_FINISH = update(upload).where(*_HELD).values(size=upload.c.offset, state="complete", changed_at=_NOW)
_DECLARED = select(func.count(), func.coalesce(func.sum(upload.c.size), 0)).where(
    upload.c.submission_id == _OF_ID, upload.c.state.in_(("receiving", "complete", "filed"))
)


def add_upload(connection: Connection, new: Upload, now: str) -> None:
    """Keep a new upload; `link_id` is that of its submission."""
    connection.execute(
        insert(upload).values(
            id=new.id,
            submission_id=new.submission_id,
            name=new.name,
            size=new.size,
            state=new.state,
            created_at=now,
            changed_at=now,
            expires_at=new.expires_at,
            home=new.home,
        )
    )


def declared(connection: Connection, submission_id: str) -> tuple[int, int]:
    """How many uploads of a submission count, and their declared bytes; those that came to nothing do not."""
    count, size = connection.execute(_DECLARED, {"of_id": submission_id}).one()
    return int(count), int(size)


def find_upload(connection: Connection, upload_id: str, link_id: str) -> Upload:
    """An upload that came through this link; raises NotFoundError also for one of another link."""
    row = connection.execute(_OF_LINK, {"of_id": upload_id, "of_link": link_id}).one_or_none()
    if row is None:
        raise NotFoundError("There is no such upload.", advice="Begin it anew.")
    return _upload(row)


def get_upload(connection: Connection, upload_id: str, *, lock: bool = False) -> Upload | None:
    """An upload of any link, or None; with `lock` nobody changes it before the transaction ends."""
    row = connection.execute(_LOCKED if lock else _BY_ID, {"of_id": upload_id}).one_or_none()
    return None if row is None else _upload(row)


def take_upload(connection: Connection, upload_id: str, offset: int, now: str, expires: str) -> int | None:
    """Give a request the upload, from `offset` on; its token.

    None where the upload is not at that offset, or takes no bytes any more. Whoever had it has it no longer.
    """
    values = {"of_id": upload_id, "at": offset, "now": now, "expires": expires}
    return connection.execute(_TAKE, values).scalar_one_or_none()


def advance_upload(
    connection: Connection,
    held: Upload,
    start: int,
    end: int,
    now: str,
    expires: str,
    chunk: Chunk | None = None,
) -> None:
    """Say that bytes `start` to `end` (not included) are durable; at its size the upload is complete.

    `held` has the token of who wrote them; raises EvictedError where that is no longer the row's.
    """
    values = {"of_id": held.id, "of_token": held.token, "start": start, "end": end}
    _changed(connection.execute(_ADVANCE, {**values, "now": now, "expires": expires}).rowcount)
    if chunk is not None:
        add_chunk(connection, held.id, chunk)


def finish_upload(connection: Connection, held: Upload, offset: int, now: str) -> None:
    """Say that the file ends at `offset`, before its declared size; raises EvictedError as above."""
    values = {"of_id": held.id, "of_token": held.token, "start": offset, "now": now}
    _changed(connection.execute(_FINISH, values).rowcount)


def end_upload(
    connection: Connection,
    upload_id: str,
    state: UploadState,
    now: str,
    *,
    reason: str = "",
    token: int | None = None,
    before: UploadState = UploadState.RECEIVING,
) -> bool:
    """Bring an upload that is in the state `before` to its end; whether it was in it, and had that token.

    Whoever is sending it can no longer go on.
    """
    chosen = (upload.c.id == upload_id) & (upload.c.state == before)
    if token is not None:
        chosen &= upload.c.token == token
    statement = update(upload).where(chosen)
    done = connection.execute(
        statement.values(state=state, reason=reason, token=upload.c.token + 1, changed_at=now)
    )
    return done.rowcount == 1


def end_unbegun(connection: Connection, submission_id: str, before: str, now: str) -> int:
    """End uploads of a submission that were made before then and never begun; how many there were.

    Their senders never had the answer: they made the same upload once more.
    """
    done = connection.execute(
        update(upload)
        .where(
            upload.c.submission_id == submission_id,
            upload.c.state == "receiving",
            upload.c.token == 0,
            upload.c.created_at < before,
        )
        .values(state="terminated", reason="never begun", token=1, changed_at=now)
    )
    return done.rowcount


def mark_filed(connection: Connection, upload_id: str, sha256: str, ordinal: int, now: str) -> None:
    """The upload is file `ordinal` of its submission, and its bytes gave this digest."""
    statement = update(upload).where(upload.c.id == upload_id)
    connection.execute(
        statement.values(state=UploadState.FILED, sha256=sha256, ordinal=ordinal, changed_at=now)
    )


def complete_uploads(connection: Connection, home: str) -> list[str]:
    """Uploads that are complete and not filed, whose bytes `home`, or everybody, has; oldest first."""
    rows = connection.execute(
        select(upload.c.id)
        .where(upload.c.state == "complete", upload.c.home.in_(("", home)))
        .order_by(upload.c.changed_at)
    )
    return list(rows.scalars())


def overdue_uploads(connection: Connection, home: str, now: str) -> list[tuple[str, int]]:
    """Id and token of unfinished uploads whose time ran out by `now`."""
    rows = connection.execute(
        select(upload.c.id, upload.c.token).where(
            upload.c.state == "receiving", upload.c.expires_at < now, upload.c.home.in_(("", home))
        )
    )
    return [(row.id, row.token) for row in rows]


def _changed(rows: int) -> None:
    if rows != 1:
        raise EvictedError(
            "Another request goes on with this upload, or it has ended.", advice="Ask how far it is (HEAD)."
        )


def _upload(row: Row[*tuple[object, ...]]) -> Upload:
    values = dict(row._mapping)
    return Upload(**{**values, "state": UploadState(row.state)})
