"""Upload links: kept under the hash of their code, counted, found by their reference, revoked."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Row, Select, bindparam, func, insert, or_, select, update

from evidence.catalogue.portal_tables import footage_request, link_message, link_submission, upload_link
from evidence.catalogue.tables import case
from evidence.errors import NotFoundError, UsageError
from evidence.links import LinkKind


@dataclass(frozen=True, slots=True)
class UploadLink:
    """A link as it was made, and whether it was revoked; its code is not known here.

    `max_uses` are submissions, of an incident link visitors; `max_files` and `max_bytes` of one submission.
    """

    id: str
    case_id: str
    kind: LinkKind
    parent_id: str | None
    languages: tuple[str, ...]
    created_at: str
    created_by: str
    expires_at: str
    revoked_at: str | None
    max_uses: int
    max_files: int
    max_bytes: int

    def is_alive(self, now: str) -> bool:
        """Whether it is neither expired nor revoked at `now`."""
        return self.revoked_at is None and now < self.expires_at


@dataclass(frozen=True, slots=True)
class FootageRequest:
    """What a business is asked for; `wanted_*` are local times as given, `overwritten_at` is UTC."""

    business: str
    place: str
    camera: str
    wanted_from: str
    wanted_until: str
    legal_basis: str
    order_reference: str
    overwritten_at: str | None
    rules_version: str


@dataclass(frozen=True, slots=True)
class Message:
    """A word of the case officer to whoever holds the link."""

    at: str
    text: str


# Built once: they are asked with every request of the public.
_LINKS = select(*(column for column in upload_link.c if column.name != "token_sha256"))
_BY_HASH = (
    _LINKS.add_columns(case.c.closed_at)
    .join(case, case.c.id == upload_link.c.case_id)
    .where(upload_link.c.token_sha256 == bindparam("hash"))
)
_BY_HASH_LOCKED = _BY_HASH.with_for_update(of=upload_link)
_LOCK = select(upload_link.c.id).where(upload_link.c.id == bindparam("of_id")).with_for_update()


def add_link(connection: Connection, new: UploadLink, token_sha256: str) -> None:
    """Keep a new link under the hash of its code."""
    connection.execute(
        insert(upload_link).values(
            id=new.id,
            case_id=new.case_id,
            kind=new.kind,
            parent_id=new.parent_id,
            token_sha256=token_sha256,
            languages=",".join(new.languages),
            created_at=new.created_at,
            created_by=new.created_by,
            expires_at=new.expires_at,
            revoked_at=new.revoked_at,
            max_uses=new.max_uses,
            max_files=new.max_files,
            max_bytes=new.max_bytes,
        )
    )


def link_with_hash(
    connection: Connection, token_sha256: str, *, lock: bool = False
) -> tuple[UploadLink, bool] | None:
    """The link that has this hash, dead or alive, and whether its case is open; None where none has it.

    `lock` keeps others from using or revoking it until this transaction ends: what is counted then holds.
    """
    row = connection.execute(_BY_HASH_LOCKED if lock else _BY_HASH, {"hash": token_sha256}).one_or_none()
    return None if row is None else (_link(row), row.closed_at is None)


def uses_of(connection: Connection, link: UploadLink) -> int:
    """How often it was used: submissions begun through it; of an incident link, visitors' links given out."""
    if link.kind is LinkKind.INCIDENT:
        counted = select(func.count()).where(upload_link.c.parent_id == link.id)
    else:
        counted = select(func.count()).where(link_submission.c.link_id == link.id)
    return int(connection.execute(counted).scalar_one())


def find_link(connection: Connection, beginning: str) -> UploadLink:
    """The link whose id begins so (see `parse_reference`); raises NotFoundError, UsageError for two."""
    matching = upload_link.c.id.startswith(beginning, autoescape=True)
    rows = connection.execute(_LINKS.where(matching).limit(2)).all()
    if not rows:
        raise NotFoundError(f"There is no link {beginning} here.", advice="vidne link list names them.")
    if len(rows) > 1:
        raise UsageError(f"Two links begin with {beginning}.", advice="Give the whole id.")
    return _link(rows[0])


def kind_of(connection: Connection, link_id: str) -> LinkKind:
    """The kind of the link with this id."""
    statement = select(upload_link.c.kind).where(upload_link.c.id == link_id)
    return LinkKind(connection.execute(statement).scalar_one())


def list_links(
    connection: Connection, case_id: str | None = None, *, with_visitors: bool = False
) -> list[tuple[UploadLink, FootageRequest | None]]:
    """Links of a case, or of all, with what they ask for: first those whose footage is overwritten first.

    Behind the requests with such a moment come all others, by when they expire.
    """
    statement = _with_request().order_by(
        footage_request.c.overwritten_at.is_(None),
        footage_request.c.overwritten_at,
        upload_link.c.expires_at,
        upload_link.c.id,
    )
    if case_id is not None:
        statement = statement.where(upload_link.c.case_id == case_id)
    if not with_visitors:
        statement = statement.where(upload_link.c.kind != LinkKind.VISITOR)
    return [(_link(row), _request(row)) for row in connection.execute(statement)]


def revoke_link(connection: Connection, link_id: str, now: str) -> list[str]:
    """Revoke a link and the visitors' links that came of it; the ids of those that were not revoked yet."""
    connection.execute(_LOCK, {"of_id": link_id})  # nobody gives out a visitor's link meanwhile
    family = or_(upload_link.c.id == link_id, upload_link.c.parent_id == link_id)
    revoked = connection.execute(
        update(upload_link)
        .where(family, upload_link.c.revoked_at.is_(None))
        .values(revoked_at=now)
        .returning(upload_link.c.id)
    )
    return sorted(revoked.scalars())


def add_request(connection: Connection, link_id: str, asked: FootageRequest) -> None:
    """Keep what the business that holds the link is asked for."""
    values = {name: getattr(asked, name) for name in FootageRequest.__dataclass_fields__}
    connection.execute(insert(footage_request).values(link_id=link_id, **values))


def request_of(connection: Connection, link_id: str) -> FootageRequest | None:
    """What the holder of the link is asked for; None where it is no request."""
    row = connection.execute(_with_request().where(upload_link.c.id == link_id)).one()
    return _request(row)


def add_message(connection: Connection, link_id: str, actor: str, text: str, now: str) -> int:
    """Keep a message to the holder; returns its number."""
    statement = insert(link_message).values(link_id=link_id, actor=actor, text=text, at=now)
    return int(connection.execute(statement.returning(link_message.c.id)).scalar_one())


def messages_of(connection: Connection, link_ids: Sequence[str]) -> list[Message]:
    """The messages to these links, oldest first; a visitor is told what was said to the poster's link too."""
    rows = connection.execute(
        select(link_message).where(link_message.c.link_id.in_(link_ids)).order_by(link_message.c.id)
    )
    return [Message(row.at, row.text) for row in rows]


def _with_request() -> Select[*tuple[object, ...]]:
    asked = [column for column in footage_request.c if column.name != "link_id"]
    return _LINKS.add_columns(*asked).outerjoin(
        footage_request, footage_request.c.link_id == upload_link.c.id
    )


def _request(row: Row[*tuple[object, ...]]) -> FootageRequest | None:
    if row.business is None:
        return None
    return FootageRequest(**{name: row._mapping[name] for name in FootageRequest.__dataclass_fields__})


def _link(row: Row[*tuple[object, ...]]) -> UploadLink:
    return UploadLink(
        id=row.id,
        case_id=row.case_id,
        kind=LinkKind(row.kind),
        parent_id=row.parent_id,
        languages=tuple(row.languages.split(",")),
        created_at=row.created_at,
        created_by=row.created_by,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
        max_uses=row.max_uses,
        max_files=row.max_files,
        max_bytes=row.max_bytes,
    )
