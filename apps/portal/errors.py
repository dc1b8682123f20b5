"""What goes wrong, as the public is told it: a status, a stable code, a sentence in their language.

The sentences are ours and fixed: what an error says of its cause is for the operator's log alone.
"""

import json
from dataclasses import dataclass
from http import HTTPStatus

from evidence.catalogue.uploads import EvictedError
from evidence.errors import (
    ConflictError,
    IncompleteError,
    LinkError,
    NotFoundError,
    StorageFullError,
    UnreadableError,
    UsageError,
)
from ingest.receiving import ChecksumError, QuotaError
from ingest.upload_spool import BytesLostError
from ingest.uploads import EndedError, GoneError, OffsetError, ReceivedError

CHECKSUM_MISMATCH = 460  # of tus 1.0


class RequestError(UsageError):
    """A request that is not as the protocol has it; `code` is one of the sentences below."""

    def __init__(self, code: str, status: HTTPStatus = HTTPStatus.BAD_REQUEST) -> None:
        """`status` is what it is answered with."""
        super().__init__(sentence(code, "en"))
        self.code = code
        self.status = status


@dataclass(frozen=True, slots=True)
class Problem:
    """How an error is told: `retry_after` are seconds, where it may pass by itself."""

    status: int
    code: str
    retry_after: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as ASGI sends it."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


# The first that fits counts.
_PROBLEMS: tuple[tuple[type[Exception], Problem], ...] = (
    (LinkError, Problem(404, "link")),
    (NotFoundError, Problem(404, "upload")),
    (ChecksumError, Problem(CHECKSUM_MISMATCH, "checksum")),
    (OffsetError, Problem(409, "offset")),
    (EvictedError, Problem(409, "evicted")),
    (ReceivedError, Problem(409, "received")),
    (EndedError, Problem(409, "ended")),
    (GoneError, Problem(410, "gone")),
    (BytesLostError, Problem(410, "gone")),
    (ConflictError, Problem(409, "conflict")),
    (UsageError, Problem(400, "request")),
    (IncompleteError, Problem(425, "early", 10)),
    (StorageFullError, Problem(507, "full", 60)),
    (UnreadableError, Problem(503, "unavailable", 5)),
)
_BROKEN = Problem(500, "broken")

_SENTENCES = {
    "link": (
        "This link does not work, or not any more. Ask whoever sent it for a new one.",
        "Linket virker ikke, eller det virker ikke længere. Bed den, der sendte det, om et nyt.",
    ),
    "upload": ("There is no such upload. Choose the file again.", "Filen kendes ikke. Vælg den igen."),
    "checksum": (
        "Some bytes were changed on the way. They are sent again.",
        "Noget af filen blev ændret undervejs. Det sendes igen.",
    ),
    "offset": ("The upload goes on from another place.", "Filen fortsætter fra et andet sted."),
    "evicted": (
        "The upload goes on in another window or connection.",
        "Filen sendes nu fra et andet vindue eller over en anden forbindelse.",
    ),
    "received": ("The file has been received already.", "Filen er allerede modtaget."),
    "ended": (
        "You have said that all is sent. Begin anew to send more files.",
        "Du har sagt, at alt er sendt. Begynd forfra for at sende flere filer.",
    ),
    "gone": (
        "This upload can not go on. Choose the file again.",
        "Filen kan ikke sendes videre herfra. Vælg den igen.",
    ),
    "conflict": (
        "That can not be done as things stand. Load the page again.",
        "Det kan ikke lade sig gøre lige nu. Indlæs siden igen.",
    ),
    "request": ("The request can not be understood.", "Forespørgslen kan ikke forstås."),
    "early": ("It is not ready yet. Try again in a moment.", "Det er ikke klar endnu. Prøv igen om lidt."),
    "full": (
        "There is no room at the moment. What you have sent is safe; it goes on when there is room.",
        "Der er ikke plads lige nu. Det, du har sendt, er i sikkerhed; resten sendes, når der er plads.",
    ),
    "unavailable": (
        "The service does not answer at the moment. What you have sent is safe; try again in a moment.",
        "Tjenesten svarer ikke lige nu. Det, du har sendt, er i sikkerhed; prøv igen om lidt.",
    ),
    "broken": (
        "Something failed here. What was received is safe; try again later.",
        "Noget gik galt hos os. Det, der er modtaget, er i sikkerhed; prøv igen senere.",
    ),
    "files": ("No more files fit into this submission.", "Der kan ikke sendes flere filer denne gang."),
    "bytes": (
        "The files are larger than this link allows. Ask whoever sent it.",
        "Filerne fylder mere, end linket tillader. Spørg den, der sendte det.",
    ),
    "largest": (
        "The file is larger than one file may be. Ask whoever sent the link.",
        "Filen er større, end en fil må være. Spørg den, der sendte linket.",
    ),
    "length": (
        "More bytes came than the file was said to have.",
        "Der kom flere bytes, end filen skulle have.",
    ),
    "version": ("tus 1.0.0 is spoken here.", "Her tales tus 1.0.0."),
    "type": (
        "The bytes have to come as application/offset+octet-stream.",
        "Indholdet skal sendes som application/offset+octet-stream.",
    ),
    "defer": (
        "The length of a file has to be said when it is begun (Upload-Length).",
        "En fils længde skal oplyses fra starten (Upload-Length).",
    ),
    "header": ("A header of the request can not be understood.", "Et felt i forespørgslen kan ikke forstås."),
    "metadata": (
        "Upload-Metadata has to name filename and submission.",
        "Upload-Metadata skal indeholde filename og submission.",
    ),
    "algorithm": (
        "Checksums are sha1 or sha256, in base64.",
        "Kontrolsummer skal være sha1 eller sha256, i base64.",
    ),
    "method": ("That can not be asked for here.", "Det kan der ikke spørges om her."),
    "busy": (
        "There is much to do at the moment. It goes on by itself in a moment.",
        "Der er travlt lige nu. Det fortsætter af sig selv om lidt.",
    ),
    "nothing": ("There is nothing at this address.", "Der er ikke noget på denne adresse."),
    "body": ("The body of the request can not be understood.", "Forespørgslens indhold kan ikke forstås."),
    "body-type": (
        "The body has to come as application/json.",
        "Indholdet skal sendes som application/json.",
    ),
    "body-large": ("The body of the request is too long.", "Forespørgslens indhold er for langt."),
    "body-slow": ("The body of the request came too slowly.", "Forespørgslens indhold kom for langsomt."),
    "silent": (
        "No bytes came for a while. What was received is safe; go on from there.",
        "Der kom ingen data i et stykke tid. Det modtagne er i sikkerhed; fortsæt derfra.",
    ),
}


def problem_of(error: Exception) -> Problem:
    """How an error is told; what nobody thought of is *broken*."""
    if isinstance(error, RequestError):
        return Problem(error.status, error.code)
    if isinstance(error, QuotaError):
        return Problem(413, error.code)
    return next((told for kind, told in _PROBLEMS if isinstance(error, kind)), _BROKEN)


def sentence(code: str, language: str) -> str:
    """What a person is told; English where the language is not Danish."""
    english, danish = _SENTENCES[code]
    return danish if language == "da" else english


def answer_of(problem: Problem, language: str) -> Answer:
    """The answer `{"error": code, "message": sentence}`."""
    return answer_with(problem, sentence(problem.code, language), language)


def answer_with(problem: Problem, text: str, language: str) -> Answer:
    """As `answer_of`, with another sentence in that language."""
    told = {"error": problem.code, "message": text}
    body = json.dumps(told, ensure_ascii=False).encode()
    headers = [
        (b"content-type", b"application/json; charset=utf-8"),
        (b"content-language", language.encode()),
        (b"cache-control", b"no-store"),
    ]
    if problem.retry_after is not None:
        headers.append((b"retry-after", str(problem.retry_after).encode()))
    return Answer(problem.status, tuple(headers), body)
