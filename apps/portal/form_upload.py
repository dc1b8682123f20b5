"""An upload by a plain form: each file goes into an upload of its own, as if a tus client had sent it."""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import ParamSpec, TypeVar
from unicodedata import category

from anyio import CancelScope
from anyio.to_thread import run_sync

from apps.portal import sending
from apps.portal.app import Portal
from apps.portal.errors import problem_of, sentence
from apps.portal.languages import gettext_of
from apps.portal.multipart import End, Event, Part
from apps.portal.receipts import receipt_state
from apps.portal.words import PROBLEMS
from evidence.errors import LinkError, UsageError, VidneError
from evidence.jsontypes import JsonObject
from evidence.links import Grant, LinkKind
from evidence.text import name_from_bytes, printable
from ingest.declaration import current_version
from ingest.link_submissions import Answers, Begun, Contact
from ingest.receiving import QuotaError, Receiving

_LONGEST_FIELD = 32 << 10
_MOST_FIELDS = 40
_CONTACT = ("name", "phone", "email")
_FILED_WITHIN_S = 60.0
_WRITTEN_AT = 1 << 20  # so many bytes are gathered for one hop into a thread

Given = ParamSpec("Given")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of a form: `refused` are {name, reason} of files that were not taken."""

    code: str
    reference: str
    receipt: str
    files: list[object]
    refused: list[dict[str, str]]
    lost: list[str]  # what else was not kept of the form, in sentences


@dataclass
class FormUpload:
    """Takes the parts of one form in their order; the field `code` comes before the first file."""

    portal: Portal
    language: str
    length: int | None  # of the whole form, where the browser said it
    fields: dict[str, str] = field(default_factory=dict)
    has_files: bool = False
    _code: str = ""
    _grant: Grant | None = None
    _begun: Begun | None = None
    _name: str = ""
    _gathered: bytearray = field(default_factory=bytearray)
    _receiving: Receiving | None = None
    _in_file: bool = False
    _taken: int = 0
    _waiting: deque[Event] = field(default_factory=deque)
    _is_over: bool = False
    _uploads: list[str] = field(default_factory=list)
    _refused: list[dict[str, str]] = field(default_factory=list)

    async def take_all(self, events: Iterable[Event]) -> None:
        """`take` each, in their order; those that an error leaves come first the next time."""
        self._waiting.extend(events)
        while self._waiting:
            await self.take(self._waiting.popleft())

    async def take(self, event: Event) -> None:
        """The next part of the form; raises VidneError where nothing more of it can be taken."""
        if isinstance(event, Part):
            await self._begin_part(event)
        elif isinstance(event, End):
            await self._end_part()
        else:
            self._taken += len(event)
            self._gathered += event
            if self._in_file and len(self._gathered) >= _WRITTEN_AT:
                await self._write()
            elif not self._in_file and len(self._gathered) > _LONGEST_FIELD:
                raise UsageError(f"The field {printable(self._name)} is too long.", advice="Write less.")

    async def _begin_part(self, part: Part) -> None:
        self._name = part.name
        self._in_file = bool(part.filename)
        self._gathered.clear()
        if part.filename:
            self.has_files = True
            await self._begin_file(part.filename)

    async def give_up(self) -> None:
        """Take no more files; fields that are still coming are kept, to be shown again."""
        self._is_over = True
        await self.close()
        await self.take_all(())

    async def _begin_file(self, name: bytes) -> None:
        if self._is_over:
            return
        if self._begun is None:
            await _in_thread(self._begin)
        grant, begun = self._open()
        settings = self.portal.settings
        most = min(grant.max_bytes, settings.portal_largest_file)
        size = most if self.length is None else min(most, max(0, self.length - self._taken))
        try:
            upload = await _in_thread(self.portal.uploads.create, grant, begun.id, name, size)
        except UsageError as error:
            self._refuse(name_from_bytes(name), error)
            return
        self._uploads.append(upload.id)
        if size:  # else there is nothing to take, and it is complete already
            self._receiving = await _in_thread(self.portal.uploads.take, grant, upload.id, 0)
            await _in_thread(self._receiving.open)

    def _begin(self) -> None:
        code, _ = opened(self.portal, self.fields.get("code", ""))
        self._grant = sending.authorise(self.portal, code)
        self._begun = sending.begin(self.portal, code, self.language, current_version())
        self._code = code

    def _open(self) -> tuple[Grant, Begun]:
        if self._grant is None or self._begun is None:
            raise LinkError
        return self._grant, self._begun

    async def _write(self) -> None:
        data, self._gathered = bytes(self._gathered), bytearray()
        receiving = self._receiving
        if receiving is None or not data:  # of a file that was refused
            return
        try:
            await _in_thread(receiving.write, data)
        except QuotaError as error:  # the size that was declared is what the link still allowed
            raise QuotaError("bytes", error.what) from error
        if receiving.received - receiving.durable >= receiving.slice_size:
            await _in_thread(receiving.flush)

    async def _end_part(self) -> None:
        if not self._in_file:
            if len(self.fields) < _MOST_FIELDS:
                self.fields.setdefault(self._name, self._gathered.decode("utf-8", "replace"))
            return
        await self._write()
        if self._receiving is not None:
            await _in_thread(self._receiving.finish)
            await self.close()

    def _refuse(self, name: str, error: VidneError) -> None:
        self._refused.append(
            {"name": printable(name), "reason": sentence(problem_of(error).code, self.language)}
        )

    async def finish(self) -> Sent:
        """Keep the answers, end the submission and file what came; raises VidneError."""
        return await _in_thread(self._finish)

    def _finish(self) -> Sent:
        _, begun = self._open()
        lost = self._answer(begun)
        sending.end(self.portal, self._code, begun.id)
        for upload in self._uploads:
            # The page that answers is the only one that gives a sender without scripts its digest.
            self.portal.uploads.see_filed(upload, _FILED_WITHIN_S)
        told: JsonObject = receipt_state(self.portal, begun.receipt, self.language)
        files = told["files"]
        return Sent(
            self._code,
            begun.reference,
            begun.receipt,
            list(files) if isinstance(files, list) else [],
            self._refused,
            lost,
        )

    def _answer(self, begun: Begun) -> list[str]:
        """Keep the answers. The files are here already: what cannot be kept stops nothing, and is told."""
        texts, contact = gettext_of(self.language), contact_of(self.fields)
        lost = []
        if contact is None and any(field_of(self.fields, name) for name in _CONTACT):
            lost.append(texts.gettext(PROBLEMS["contact-not-kept"]))
        try:
            sending.answer(self.portal, self._code, begun.id, answers_of(self.fields), contact)
        except UsageError:
            lost.append(texts.gettext(PROBLEMS["answers-not-kept"]))
        return lost

    async def close(self) -> None:
        """Let go of the file that was being received, if one was."""
        receiving, self._receiving = self._receiving, None
        if receiving is not None:
            with CancelScope(shield=True):  # also where the browser went away
                await _in_thread(receiving.close)


def opened(portal: Portal, code: str) -> tuple[str, JsonObject]:
    """The code to work with and what it opens: who holds a poster's is given a link of their own."""
    link = sending.view_link(portal, code)
    if link["kind"] == LinkKind.INCIDENT:
        code = sending.visit(portal, code)
        link = sending.view_link(portal, code)
    return code, link


def answers_of(fields: dict[str, str]) -> Answers:
    """The answers in a form; what was left empty was not said."""
    names = ("recorded_at", "place", "clock_shown", "clock_true", "note")
    return Answers(**{name: field_of(fields, name) or None for name in names})


def contact_of(fields: dict[str, str]) -> Contact | None:
    """The contact data in a form, where it says that the sender may be contacted."""
    if fields.get("contact") != "yes":
        return None
    return Contact(*(field_of(fields, name) for name in _CONTACT))


def field_of(fields: dict[str, str], name: str) -> str:
    """What was typed into a field, lines ended as a text has them (a form ends them by two characters)."""
    text = fields.get(name, "").replace("\r\n", "\n").strip()
    return "".join(char for char in text if char in "\n\t" or category(char) != "Cc")


async def _in_thread(call: Callable[Given, Result], *args: Given.args, **kwargs: Given.kwargs) -> Result:
    return await run_sync(partial(call, *args, **kwargs))
