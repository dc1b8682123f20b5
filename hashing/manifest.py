"""Records of stored objects, and the manifest that lists what belongs to an exhibit: canonical JSON, strict.

Neither holds a case number; a file's original name stands in an object's record (a body), never in an entry.
"""

import base64
import binascii
import re
from dataclasses import dataclass, field

from evidence.exhibits import Digests
from evidence.jsontypes import Json, JsonObject
from evidence.text import base64_text
from hashing import canonical
from hashing.digests import require_not_empty
from hashing.schema import EXHIBIT, ROLE, SHA256, Fields, SchemaError

_CASE = re.compile(r"[a-z0-9]{1,64}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")
_DIGEST_FIELDS = ("size", "sha256", "blake3", "piece_size", "pieces_blake3")


@dataclass(frozen=True, slots=True)
class Location:
    """Where an object lies: `bucket` is empty for a folder store, whose `version_id` is `0`."""

    bucket: str
    key: str
    version_id: str


@dataclass(frozen=True, slots=True)
class ObjectRecord:
    """One stored object: what it is, its digests, and where it lies.

    `filename` is the submitter's file name in the bytes that it had; empty for what the pipeline made.
    """

    exhibit: str
    role: str
    filename: bytes
    digests: Digests
    store: Location

    def as_json(self) -> JsonObject:
        """The record as the body of `object.stored` has it."""
        return {
            "v": 1,
            "exhibit": self.exhibit,
            "role": self.role,
            "filename_original": _readable(self.filename),
            "filename_original_b64": base64_text(self.filename),
            **_digests_json(self.digests),
            "store": {
                "bucket": self.store.bucket,
                "key": self.store.key,
                "version_id": self.store.version_id,
            },
        }

    def to_bytes(self) -> bytes:
        """The canonical bytes."""
        return canonical.encode(self.as_json())

    @classmethod
    def from_bytes(cls, raw: bytes) -> "ObjectRecord":
        """Read a record; raises CanonicalError or SchemaError."""
        fields = Fields(
            canonical.decode(raw),
            "the object's record",
            {"v", "exhibit", "role", "filename_original", "filename_original_b64", "store", *_DIGEST_FIELDS},
        )
        fields.version()
        filename = from_base64(fields.text("filename_original_b64"))
        if fields.text("filename_original") != _readable(filename):
            raise SchemaError("The two file names of the object's record are not the same name.")
        store = Fields(fields.object("store"), "the object's place", {"bucket", "key", "version_id"})
        return cls(
            exhibit=fields.text("exhibit", EXHIBIT),
            role=fields.text("role", ROLE),
            filename=filename,
            digests=_digests(fields),
            store=Location(store.text("bucket"), store.text("key"), store.text("version_id")),
        )


@dataclass(frozen=True, slots=True)
class MakerRecord:
    """The program that made a rendition: name, version, SHA-256 of its binary."""

    name: str
    version: str
    sha256: str


@dataclass(frozen=True, slots=True)
class ManifestObject:
    """One line of an exhibit's manifest.

    `name` is unique in the exhibit, plain ASCII; `parent` the name of what it was made from, empty for the
    original, which has no maker either; floats in `detail` are written as decimal text.
    """

    name: str
    role: str
    digests: Digests
    parent: str = ""
    maker: MakerRecord | None = None
    args: tuple[str, ...] = ()
    detail: JsonObject = field(default_factory=dict)

    def as_json(self) -> JsonObject:
        """The line; `tool` is null where nothing made the object."""
        maker = self.maker
        tool: Json = {"name": maker.name, "version": maker.version, "sha256": maker.sha256} if maker else None
        return {
            "name": self.name,
            "role": self.role,
            "parent": self.parent,
            "tool": tool,
            "args": list(self.args),
            "detail": canonical.floats_as_text(self.detail),
            **_digests_json(self.digests),
        }

    @classmethod
    def from_json(cls, value: Json) -> "ManifestObject":
        """Read a line; raises SchemaError."""
        names = {"name", "role", "parent", "tool", "args", "detail", *_DIGEST_FIELDS}
        fields = Fields(value, "an object of the manifest", names)
        return cls(
            name=fields.text("name", _NAME),
            role=fields.text("role", ROLE),
            digests=_digests(fields),
            parent=fields.text("parent"),
            maker=_maker(fields),
            args=fields.texts("args"),
            detail=fields.object("detail"),
        )


@dataclass(frozen=True, slots=True)
class ExhibitManifest:
    """What belongs to an exhibit, in the order in which it was made; `case` is the case's id."""

    case: str
    exhibit: str
    objects: tuple[ManifestObject, ...]

    def to_bytes(self) -> bytes:
        """The canonical bytes; raises SchemaError where they could not be read back."""
        value: JsonObject = {
            "v": 1,
            "case": self.case,
            "exhibit": self.exhibit,
            "objects": [item.as_json() for item in self.objects],
        }
        self._from_json(value)  # what is written must be what can be read
        return canonical.encode(value)

    @classmethod
    def from_bytes(cls, raw: bytes) -> "ExhibitManifest":
        """Read a manifest; raises CanonicalError or SchemaError."""
        return cls._from_json(canonical.decode(raw))

    @classmethod
    def _from_json(cls, value: JsonObject) -> "ExhibitManifest":
        fields = Fields(value, "the manifest", {"v", "case", "exhibit", "objects"})
        fields.version()
        objects = tuple(ManifestObject.from_json(item) for item in fields.items("objects"))
        if len({item.name for item in objects}) != len(objects):
            raise SchemaError("The manifest has two objects of one name.")
        return cls(fields.text("case", _CASE), fields.text("exhibit", EXHIBIT), objects)


def _readable(filename: bytes) -> str:
    """UTF-8 with U+FFFD for what is not; the base64 beside it is the name itself."""
    return filename.decode("utf-8", "replace")


def from_base64(text: str, what: str = "file name of the object's record") -> bytes:
    """Standard base64, as bytes; raises SchemaError."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise SchemaError(f"The {what} is not base64: {error}.") from error
    if base64_text(raw) != text:
        raise SchemaError(f"The {what} is not standard base64.")
    return raw


def _digests_json(digests: Digests) -> JsonObject:
    return {
        "size": digests.size,
        "sha256": digests.sha256,
        "blake3": digests.blake3,
        "piece_size": digests.piece_size,
        "pieces_blake3": list(digests.pieces_blake3),
    }


def _digests(fields: Fields) -> Digests:
    digests = Digests(
        size=fields.integer("size"),
        sha256=fields.text("sha256", SHA256),
        blake3=fields.text("blake3", SHA256),
        piece_size=fields.integer("piece_size", least=1),
        pieces_blake3=fields.texts("pieces_blake3", SHA256),
    )
    if len(digests.pieces_blake3) != -(-digests.size // digests.piece_size):
        raise SchemaError(
            f"{len(digests.pieces_blake3)} pieces of {digests.piece_size} bytes do not make {digests.size}."
        )
    require_not_empty(digests.sha256, digests.size)
    return digests


def _maker(fields: Fields) -> MakerRecord | None:
    value = fields.nullable_object("tool")
    if value is None:
        return None
    tool = Fields(value, "the tool", {"name", "version", "sha256"})
    return MakerRecord(tool.text("name"), tool.text("version"), tool.text("sha256", SHA256))
