"""vidne link: links by which the public hands in footage; create, list, revoke, message."""

import re
from datetime import timedelta
from pathlib import Path

import click

from apps.cli.common import case_named, sequence_if_idle
from apps.cli.main import Context, echo_json, json_option, pass_context
from apps.link_texts import LANGUAGES, link_url, message
from apps.wiring import Application
from evidence.cases import parse_reference, reference
from evidence.catalogue.cases import get_case
from evidence.catalogue.engine import Connection
from evidence.catalogue.links import FootageRequest, UploadLink, find_link, list_links, uses_of
from evidence.clock import timestamp
from evidence.errors import SettingsError, UsageError
from evidence.jsontypes import Json, JsonObject
from evidence.links import LinkKind
from evidence.rules import rule_set
from evidence.text import printable
from ingest import links
from ingest.footage_requests import hours_left, new_request
from ingest.links import NewLink, request_json

# By kind: days, uses (of an incident link visitors), files and bytes of one submission. A house rule.
_DEFAULTS = {
    LinkKind.PERSONAL: (14, 10, 50, 20_000_000_000),
    LinkKind.INCIDENT: (30, 5000, 20, 5_000_000_000),
    LinkKind.BUSINESS: (14, 20, 1000, 500_000_000_000),
}
_UNITS = {"": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}
_SIZE = re.compile(r"(\d{1,15})\s*([kmgt]b)?", re.IGNORECASE)
_LANGUAGE = re.compile(r"[a-z]{2}")


@click.group(name="link")
def command() -> None:
    """Make, list and revoke links by which the public hands in footage; write to who holds one."""


@command.command()
@click.option(
    "--case", "number", required=True, help="Number of the case; nobody who holds the link sees it."
)
@click.option(
    "--kind", type=click.Choice([kind.value for kind in _DEFAULTS]), default="personal", show_default=True
)
@click.option("--days", type=click.IntRange(1, 366), help="How long it works.")
@click.option("--uses", type=click.IntRange(min=1), help="Submissions; of an incident link: visitors.")
@click.option("--files", type=click.IntRange(min=1), help="Files of one submission.")
@click.option("--bytes", "size", metavar="SIZE", help="Of one submission, as 20GB.")
@click.option("--language", default="da,en", show_default=True, help="The first is shown first.")
@click.option("--business", default="", help="Who is asked.")
@click.option("--place", default="", help="Where the camera is.")
@click.option("--camera", default="", help="Which camera.")
@click.option("--from", "wanted_from", default="", metavar="TIME", help='"2026-03-14 22:00", local time.')
@click.option("--until", "wanted_until", default="", metavar="TIME")
@click.option("--legal-basis", default="", help="On what the request rests.")
@click.option("--order-reference", default="", help="Of a disclosure order (edition), where there is one.")
@click.option("--keeps-days", type=int, help="Days after which the recorder writes over a recording.")
@click.option("--overwritten-at", metavar="TIME", help="... or when it writes over this one.")
@click.option("--qr", type=click.Path(path_type=Path), help="Also a QR code, to be made: .svg or .png")
@json_option
@pass_context
def create(
    context: Context,
    /,
    number: str,
    kind: str,
    days: int | None,
    uses: int | None,
    files: int | None,
    size: str | None,
    language: str,
    qr: Path | None,
    *,
    as_json: bool,
    **asked: object,
) -> None:
    """Make a link into a case, and print it once: it is kept nowhere, a lost one is made anew.

    personal: for one person, who may come back. incident: for a poster; each visitor gets a link of their
    own. business: with a request for what a camera recorded.
    """
    app = context.application
    public_url = _public_url(app)
    if qr is not None:
        from apps.qr import require_qr_path  # noqa: PLC0415 - slow to import

        require_qr_path(qr)
    moment = app.clock()
    expires = timestamp(moment + timedelta(days=days or _DEFAULTS[LinkKind(kind)][0]))
    limits = (uses, files, None if size is None else _bytes(size))
    new = _new_link(app, LinkKind(kind), language, expires, limits, asked)
    with app.catalogue.write() as connection:
        case = case_named(connection, app, number)
        link, code = links.create(connection, case.id, new, app.actor, timestamp(moment))
    if qr is not None:
        from apps.qr import write_qr  # noqa: PLC0415 - as above

        write_qr(link_url(public_url, code, link.languages[0]), qr)
    sequence_if_idle(app)
    told = _made_json(app, link, new.request, code, qr)
    if as_json:
        echo_json(told)
    else:
        _tell(told, case.number)


def _new_link(
    app: Application,
    kind: LinkKind,
    language: str,
    expires: str,
    limits: tuple[int | None, int | None, int | None],
    asked: dict[str, object],
) -> NewLink:
    """`limits` are uses, files and bytes, None for the kind's own."""
    defaults = _DEFAULTS[kind][1:]
    uses, files, size = (
        given if given is not None else own for given, own in zip(limits, defaults, strict=True)
    )
    return NewLink(kind, _languages(language), expires, uses, files, size, _request(app, kind, asked))


def _made_json(
    app: Application, link: UploadLink, asked: FootageRequest | None, code: str, qr: Path | None
) -> JsonObject:
    public_url, zone, moment = _public_url(app), app.settings.zone, app.clock()
    texts: JsonObject = {
        name: message(name, link, asked, public_url=public_url, code=code, zone=zone, now=moment)
        for name in link.languages
        if name in LANGUAGES
    }
    return {
        "reference": reference(link.id),
        "url": link_url(public_url, code, link.languages[0]),
        "code": code,
        "expires_at": link.expires_at,
        "messages": texts,
        "overwritten_at": asked.overwritten_at if asked else None,
        "hours_left": hours_left(asked, moment) if asked else None,
        "qr": str(qr) if qr else None,
    }


def _tell(told: JsonObject, number: str) -> None:
    click.echo(f"link {told['reference']} into case {number}, until {told['expires_at']}")
    click.echo(f"url  {told['url']}")
    click.echo(f"code {told['code']}")
    texts = told["messages"]
    for name, text in texts.items() if isinstance(texts, dict) else ():
        click.echo(f"\nSMS ({name}): {text}")
    if told["hours_left"] == 0:
        click.echo("\nBy these times the recording may be overwritten already: call the business.")
    elif told["hours_left"] is not None:
        click.echo(f"\nThe recording is overwritten in {told['hours_left']} hours.")
    if told["qr"]:
        click.echo(f"\nThe QR code is in {printable(str(told['qr']), limit=4096)}")
    click.echo("\nThe code is shown this once and kept nowhere: a lost one cannot be had again.", err=True)


@command.command(name="list")
@click.option("--case", "number", help="Number of the case; all where it is left out.")
@json_option
@pass_context
def list_(context: Context, number: str | None, *, as_json: bool) -> None:
    """List links: first requests, by the hours until the recording is overwritten; then by expiry."""
    app = context.application
    moment = app.clock()
    now = timestamp(moment)
    with app.catalogue.read() as connection:
        case_id = None if number is None else case_named(connection, app, number).id
        found = list_links(connection, case_id)
        # Those that work first; in each part the order stays.
        found.sort(key=lambda item: not item[0].is_alive(now))
        listed = [_listed(connection, link, asked, now) for link, asked in found]
    for line, (_, asked) in zip(listed, found, strict=True):
        line["hours_left"] = hours_left(asked, moment) if asked else None
    if as_json:
        echo_json([*listed])
        return
    if not listed:
        click.echo("No link yet. Make one with: vidne link create --case NUMBER")
    for line, (_, asked) in zip(listed, found, strict=True):
        left = "" if asked is None else f"  {line['hours_left']} h left  {printable(asked.business)}"
        click.echo(
            f"{line['reference']}  {line['kind']:<8}  {line['state']:<8}  {line['case']}"
            f"  until {line['expires_at']}  used {line['uses']} of {line['max_uses']}{left}"
        )


@command.command()
@click.argument("link")
@click.option("--reason", default="", help="Why, for the record; name nobody in it.")
@json_option
@pass_context
def revoke(context: Context, link: str, reason: str, *, as_json: bool) -> None:
    """Revoke LINK (its reference), at once, and what visitors of an incident link were given."""
    app = context.application
    with app.catalogue.write() as connection:
        found = find_link(connection, parse_reference(link))
        visitors = links.revoke(connection, found, reason, app.actor, timestamp(app.clock()))
    sequence_if_idle(app)
    if as_json:
        echo_json({"reference": reference(found.id), "visitors": visitors})
    else:
        click.echo(
            f"Revoked {reference(found.id)}" + (f" and {visitors} links of visitors." if visitors else ".")
        )


@command.command(name="message")
@click.argument("link")
@click.argument("text")
@json_option
@pass_context
def message_(context: Context, link: str, text: str, *, as_json: bool) -> None:
    """Write TEXT to whoever holds LINK (its reference): they read it when they open it again."""
    app = context.application
    with app.catalogue.write() as connection:
        found = find_link(connection, parse_reference(link))
        links.tell(connection, found, text, app.actor, timestamp(app.clock()))
    sequence_if_idle(app)
    if as_json:
        echo_json({"reference": reference(found.id)})
    else:
        click.echo(f"The holder of {reference(found.id)} reads it with the next visit.")


def _listed(connection: Connection, link: UploadLink, asked: FootageRequest | None, now: str) -> JsonObject:
    uses = uses_of(connection, link)
    if link.revoked_at:
        state = "revoked"
    elif link.expires_at <= now:
        state = "expired"
    else:
        state = "used up" if uses >= link.max_uses else "open"
    languages: list[Json] = [*link.languages]
    return {
        "reference": reference(link.id),
        "kind": link.kind,
        "case": get_case(connection, link.case_id).number,
        "state": state,
        "languages": languages,
        "created_at": link.created_at,
        "created_by": link.created_by,
        "expires_at": link.expires_at,
        "revoked_at": link.revoked_at,
        "uses": uses,
        "max_uses": link.max_uses,
        "max_files": link.max_files,
        "max_bytes": link.max_bytes,
        "request": request_json(asked) if asked else None,
    }


def _request(app: Application, kind: LinkKind, asked: dict[str, object]) -> FootageRequest | None:
    if kind is not LinkKind.BUSINESS:
        if any(asked.values()):
            raise UsageError("Only a business is asked for a recording.", advice="Add --kind business.")
        return None
    return new_request(**asked, zone=app.settings.zone, rules=rule_set())  # type: ignore[arg-type]


def _public_url(app: Application) -> str:
    url = app.settings.public_url
    if not url:
        raise SettingsError(
            "Nobody has said where the public finds the portal.",
            advice="Set VIDNE_PORTAL_URL, as https://host.",
        )
    return url


def _languages(text: str) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(part.strip() for part in text.split(",")))
    for name in found:
        if not _LANGUAGE.fullmatch(name):
            raise UsageError(f"{printable(name)!r} is no language.", advice="Write them as da,en.")
    if not set(found) & set(LANGUAGES):
        raise UsageError(f"None of {text} is spoken here.", advice=f"There are {', '.join(LANGUAGES)}.")
    return found


def _bytes(text: str) -> int:
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"{printable(text)!r} is no size.", advice="Write it as 20GB, 500MB or in bytes.")
    return int(match[1]) * _UNITS[(match[2] or "").lower()]
