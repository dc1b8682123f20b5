"""What is sent to the holder of a new link, by language: short, and without a word about the case."""

from datetime import datetime
from zoneinfo import ZoneInfo

from evidence.cases import reference
from evidence.catalogue.links import FootageRequest, UploadLink
from evidence.links import LinkKind

LANGUAGES = ("da", "en")

_TEXTS = {
    ("da", LinkKind.PERSONAL): "Politiet beder om din hjælp. Send dine optagelser her: {url}",
    ("en", LinkKind.PERSONAL): "The police ask for your help. Send your footage here: {url}",
    ("da", LinkKind.INCIDENT): "Så eller filmede du noget? Send dine optagelser til politiet her: {url}",
    ("en", LinkKind.INCIDENT): "Did you see or film something? Send your footage to the police here: {url}",
    ("da", LinkKind.BUSINESS): "Politiet beder {business} om optagelser. Se hvilke, og send dem her: {url}",
    ("en", LinkKind.BUSINESS): "The police ask {business} for footage. See which, and send it here: {url}",
}
_HURRY = {
    "da": " Optagelserne overskrives {lost}: gem dem med det samme.",
    "en": " The footage is overwritten on {lost}: save it at once.",
}
_TOO_LATE = {
    "da": " Optagelserne kan være overskrevet siden {lost}: gem med det samme det, der er.",
    "en": " The footage may have been overwritten on {lost}: save at once what is there.",
}
_END = {
    "da": " Linket virker til {until}. Ingen link? Skriv koden {code} på {home}. Reference {reference}."
    " Vi beder aldrig om kort, adgangskoder eller MitID.",
    "en": " The link works until {until}. No link? Type the code {code} at {home}. Reference {reference}."
    " We never ask for cards, passwords or MitID.",
}


def link_url(public_url: str, code: str, language: str) -> str:
    """The link itself: what stands behind the # never leaves the browser with a request for a page.

    Of a Danish link each visitor's browser chooses the language; another one opens in its own.
    """
    return f"{public_url}/send{'' if language == LANGUAGES[0] else f'?lang={language}'}#{code}"


def message(
    language: str,
    link: UploadLink,
    asked: FootageRequest | None,
    *,
    public_url: str,
    code: str,
    zone: ZoneInfo,
    now: datetime,
) -> str:
    """The text of an SMS in one of LANGUAGES; a visitor's link is sent to nobody."""
    parts = [_TEXTS[language, link.kind]]
    if asked is not None and asked.overwritten_at is not None:
        is_late = datetime.fromisoformat(asked.overwritten_at) <= now
        parts.append((_TOO_LATE if is_late else _HURRY)[language])
    parts.append(_END[language])
    return "".join(parts).format(
        url=link_url(public_url, code, language),
        business=asked.business if asked else "",
        lost=_local(asked.overwritten_at, zone) if asked and asked.overwritten_at else "",
        until=_local(link.expires_at, zone),
        code=code,
        home=f"{public_url}/send",
        reference=reference(link.id),
    )


def _local(moment: str, zone: ZoneInfo) -> str:
    """`14.3.2026 22:17`, the same in both languages."""
    there = datetime.fromisoformat(moment).astimezone(zone)
    return f"{there.day}.{there.month}.{there.year} {there:%H:%M}"
