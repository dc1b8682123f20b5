"""Marks for exhibits that came before such marks were kept, out of their sealed originals."""

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from apps.wiring import Application
from evidence.catalogue.exhibits import Exhibit, get_exhibit, get_sections
from evidence.catalogue.fingerprints import (
    Kind,
    Mark,
    put_marks,
    put_pictures,
    without_head,
    without_sketch,
)
from evidence.catalogue.objects import stored_original
from evidence.errors import NotFoundError, VidneError
from evidence.exhibits import Digests
from evidence.jsontypes import JsonObject
from evidence.marks import Marks
from hashing.digests import HEADS, Digester
from retention.local_file import local_file
from transcode.appearance import appearance
from transcode.fingerprint import kept_packets
from transcode.values import objects, whole

Told = Callable[[str], None]


def learn(app: Application, told: Told) -> tuple[int, int]:
    """Make the marks that exhibits lack; how many exhibits got some, and of how many it failed.

    `told` gets a line for each.
    """
    with app.catalogue.read() as connection:
        headless = {*without_head(connection, HEADS[0])}
        unseen = {of for kind in Kind for of in without_sketch(connection, kind, processed=True)}
    failed = 0
    for exhibit_id in (wanted := sorted(headless | unseen)):
        with app.catalogue.read() as connection:
            exhibit = get_exhibit(connection, exhibit_id)
        try:
            _learn(app, exhibit, with_pictures=exhibit_id in unseen)
            told(f"{exhibit.name}: marked")
        except VidneError as error:
            failed += 1
            told(f"{exhibit.name}: {error}")
    return len(wanted) - failed, failed


def _learn(app: Application, exhibit: Exhibit, *, with_pictures: bool) -> None:
    with app.catalogue.read() as connection:
        place = stored_original(connection, exhibit.id)
        sections = get_sections(connection, exhibit.id)
    if place is None:
        raise NotFoundError("It is not sealed yet.")
    heads = _heads(app, place)
    pictures: list[Marks] = []
    if with_pictures:
        with tempfile.TemporaryDirectory(prefix="learn-", dir=app.settings.data) as work:
            pictures = _pictures(local_file(app.store, *place, Path(work) / "original"), Path(work), sections)
    with app.catalogue.write() as connection:
        put_marks(connection, exhibit.id, Mark.HEAD, ((str(n), digest) for n, digest in heads.heads))
        put_pictures(connection, exhibit.id, pictures)


def _heads(app: Application, place: tuple[str, str]) -> Digests:
    digester = Digester()
    with app.store.open(*place) as stream:
        left = HEADS[-1]
        while left and (part := stream.read(left)):
            digester.update(part)
            left -= len(part)
    return digester.finish()


def _pictures(source: Path, work: Path, sections: JsonObject) -> list[Marks]:
    derivation = sections.get("derivation")
    proofs = objects(derivation.get("proofs")) if isinstance(derivation, dict) else []
    rewrapped = {whole(stream.get("index")) for proof in proofs for stream in objects(proof.get("streams"))}
    folders = [work / name for name in ("packets", "looks")]
    for folder in folders:
        folder.mkdir()
    packets = {one.part: one for one in kept_packets(source, folders[0], sections, rewrapped)}
    looks = {one.part: one.looks for one in appearance(source, folders[1], sections)}
    # A picture of which nothing is found is marked as looked at.
    return [
        replace(packets.get(part, Marks(part, sampled=b"")), looks=looks.get(part, b""))
        for part in {**packets, **looks}
    ]
