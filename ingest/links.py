"""Upload links: made, used and revoked; each step a custody event in the transaction of the change."""

from evidence.catalogue.engine import Connection
from evidence.catalogue.links import UploadLink, link_with_hash
from evidence.errors import LinkError
from evidence.links import Grant, code_hash

_NO_HASH = "0" * 64  # asked for where a code cannot be one, so that both ways cost the same


def open_link(connection: Connection, code: str, now: str) -> UploadLink:
    """The link that `code` opens at `now`; raises LinkError, which does not say why it opens none.

    A link into a closed case opens nothing either.
    """
    found = link_with_hash(connection, code_hash(code) or _NO_HASH)
    if found is None:
        raise LinkError
    link, is_open = found
    if not is_open or not link.is_alive(now):
        raise LinkError
    return link


def grant_of(connection: Connection, code: str, now: str) -> Grant:
    """What the holder of `code` may do at `now`; raises LinkError, with one text for all causes.

    Whether it may begin a further submission is asked when one is begun (`begin_submission`).
    """
    link = open_link(connection, code, now)
    return Grant(link.id, link.kind, link.case_id, link.max_files, link.max_bytes)
