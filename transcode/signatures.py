"""C2PA signatures of the original, checked offline by a child in the sandbox (signatures_child.py).

What was signed and by whom is told; whether the signer is to be believed is for people to say.
"""

import os
import sys
from pathlib import Path

from evidence.exhibits import Problem
from evidence.jsontypes import Json, JsonObject
from evidence.text import printable
from transcode.child import Finished
from transcode.sandbox import Command, Limits, run
from transcode.sniff import ISO_MEDIA
from transcode.tools import library_version
from transcode.values import json_object, objects, whole

_CHILD = Path(__file__).with_name("signatures_child.py")  # runs in the sandbox; never imported here
_LIMITS = Limits(cpu_s=240, wall_s=300, file_bytes=1024**2)
_TOP_BOXES = 100_000  # a recording in fragments has two for each of them
_CODES_LIMIT = 50
_TEXT_LIMIT = 500
# The sniffed format -> the media type by which the library chooses its reader; it reads no others.
_MEDIA_TYPES = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "GIF": "image/gif",
    "TIFF": "image/tiff",
    "WebP": "image/webp",
    "HEIF": "image/heif",
    "AVIF": "image/avif",
    ISO_MEDIA: "video/mp4",
    "AVI": "video/avi",
    "WAV": "audio/wav",
}
# The library's word -> ours, and a sentence.
_STATES = {
    "Trusted": ("valid", "Its C2PA signature is valid, and the signer stands on the list of the trusted."),
    "Valid": (
        "valid, signer not trusted",
        "Its C2PA signature is valid: the file is as it was signed. Nothing vouches for who signed it.",
    ),
    "Invalid": (
        "invalid",
        "Its C2PA signature does not hold: the file or its manifest is not as it was signed.",
    ),
}
# Signatures inside of the pictures' stream: user data of this UUID (the makers' specifications).
_VIDEO_MARKS = {
    bytes.fromhex("005bc93f2d715e95ada4796f90877a6f"): "ONVIF Media Signing",
    b"Signed Video...0": "Axis Signed Video",
}
_MARK_WITHIN = 16 * 1024**2  # a recorder repeats it every few seconds
_ABSENT = "It carries no C2PA manifest, which says nothing about it: most programs take one away."


def read(source: Path, format_name: str) -> JsonObject:
    """The section `signatures` of the file at `source`, of which `format_name` is the sniffed format.

    `c2pa` is `{state, text, ...}`; its states: `valid`, `valid, signer not trusted`, `invalid`, `absent`,
    `not checked` (no reader for the format, or it failed: `text` says why). `video` is a list of
    `{kind, state}`: signatures in the stream, told and never checked. Raises SandboxError.
    """
    return {"c2pa": _c2pa(source, format_name), "video": _video(source)}


def _c2pa(source: Path, format_name: str) -> JsonObject:
    media_type = _MEDIA_TYPES.get(format_name)
    if media_type is None:
        return _unchecked("Files of this format are not looked into for a C2PA manifest.")
    if format_name == ISO_MEDIA and not _may_hold_manifest(source):
        return {"state": "absent", "text": _ABSENT, "reader": "top-level boxes"}
    argv = [sys.executable, "-I", "-B", "/in/signatures_child.py", media_type]
    inputs = {"src": source, "signatures_child.py": _CHILD}
    command = Command(argv, inputs=inputs, limits=_LIMITS, python=True)
    return checked(run(command, stdout_limit=4 * 1024**2))


def _may_hold_manifest(source: Path) -> bool:
    """Whether there is a `uuid` box at the top of the file, or its boxes cannot be followed to their end.

    The reader looks nowhere else for a manifest (C2PA Technical Specification, on BMFF) or for the XMP that
    may name one elsewhere. It is started for the few that have such a box.
    """
    size, at = source.stat().st_size, 0
    with source.open("rb", buffering=0) as file:
        for _ in range(_TOP_BOXES):
            head = os.pread(file.fileno(), 16, at)
            length, kind = int.from_bytes(head[:4], "big"), head[4:8]
            if length == 1:
                length = int.from_bytes(head[8:16], "big")
            elif length == 0:  # to the end of the file
                length = size - at
            at += length
            if kind == b"uuid" or length < 8 or at > size:
                return True
            if at == size:
                return False
    return True


def _video(source: Path) -> list[Json]:
    with source.open("rb") as file:
        head = file.read(_MARK_WITHIN)
    return [
        {"kind": kind, "state": "present, not checked"} for mark, kind in _VIDEO_MARKS.items() if mark in head
    ]


def checked(finished: Finished) -> JsonObject:
    """The child's answer in its types, bounded; texts of the file stay as they are."""
    values = json_object(finished.stdout) if finished.ok else {}
    if not values:
        return _unchecked(f"Its C2PA reader failed. {finished.explain()}")
    if values.get("failed"):
        return _unchecked(f"Its C2PA reader cannot read it ({_text(values, 'failed')}).")
    if values.get("state") == "absent":
        return {"state": "absent", "text": _ABSENT, "reader": _reader()}
    state = _STATES.get(_text(values, "state"))
    if state is None:
        return _unchecked("Its C2PA reader gave no verdict.")
    signature, results = values.get("signature"), values.get("results")
    signer: JsonObject = signature if isinstance(signature, dict) else {}
    codes: JsonObject = results if isinstance(results, dict) else {}
    return {
        "state": state[0],
        "text": state[1],
        "issuer": _text(signer, "issuer"),
        "common_name": _text(signer, "common_name"),
        "serial": _text(signer, "cert_serial_number"),
        "algorithm": _text(signer, "alg"),
        "time": _text(signer, "time"),
        "embedded": values.get("embedded") is True,
        "generator": _generator(values),
        "title": _text(values, "title"),
        "ingredients": whole(values.get("ingredients")) or 0,
        "assertions": _texts(values.get("assertions")),
        "failure": _codes(codes.get("failure")),
        "informational": _codes(codes.get("informational")),
        "success": _codes(codes.get("success")),
        "reader": _reader(),
    }


def problems(section: JsonObject, *, seems_signed: bool) -> list[Problem]:
    """What a reader must see: a signature that does not hold, or one that is there and could not be checked.

    `seems_signed` tells that the head of the file holds a manifest's label.
    """
    found = section.get("c2pa")
    c2pa: JsonObject = found if isinstance(found, dict) else {}
    state, text = _text(c2pa, "state"), _text(c2pa, "text")
    told = [
        Problem("signature-not-checked", f"Its pictures carry {entry['kind']} data, which was not checked.")
        for entry in objects(section.get("video"))
    ]
    if state == "invalid":
        codes = [str(entry.get("code")) for entry in objects(c2pa.get("failure"))]
        because = printable(", ".join(dict.fromkeys(codes)), limit=_TEXT_LIMIT)
        told.append(Problem("signature-invalid", f"{text} The codes of the check: {because or 'none'}."))
    elif state == "not checked" and seems_signed:
        why = printable(text, limit=_TEXT_LIMIT)
        told.append(Problem("signature-not-checked", f"It seems to carry a C2PA manifest. {why}"))
    return told


def _unchecked(why: str) -> JsonObject:
    return {"state": "not checked", "text": why, "reader": _reader()}


def _reader() -> str:
    return f"c2pa-python {library_version('c2pa-python')}"


def _generator(values: JsonObject) -> str:
    """What made the manifest: the old field, or name and version of the newer."""
    named = (
        f"{_text(entry, 'name')} {_text(entry, 'version')}" for entry in objects(values.get("generators"))
    )
    return _text(values, "generator") or ", ".join(name.strip() for name in named)[:_TEXT_LIMIT]


def _text(values: JsonObject, name: str) -> str:
    value = values.get(name)
    return value[:_TEXT_LIMIT] if isinstance(value, str) else ""


def _texts(value: Json) -> list[Json]:
    entries = value if isinstance(value, list) else []
    return [entry[:_TEXT_LIMIT] for entry in entries[:_CODES_LIMIT] if isinstance(entry, str)]


def _codes(value: Json) -> list[Json]:
    return [
        {"code": _text(entry, "code"), "explanation": _text(entry, "explanation")}
        for entry in objects(value)[:_CODES_LIMIT]
    ]
