"""Rotation of the ledger's key: asked for by a command, carried out by whoever sequences."""

import time
from hashlib import sha256

from apps.sequencing import await_entry, sequence_where_idle
from apps.wiring import Application
from evidence.catalogue.ledger import is_filed
from evidence.clock import timestamp
from evidence.custody import CustodyEvent, EventObject
from evidence.errors import ConflictError, IncompleteError
from hashing.keys import load_signer
from hashing.note_keys import FormerKey, Signer, Verifier
from hashing.rotation import Rotation, begin_rotation, begun_rotation, end_rotation, hand_over
from hashing.sequencer import Sequencer
from hashing.succession import ROTATED, SUCCESSION_ROLE
from ingest.custody import record

_WAIT_S = 60.0
_LOOK_S = 0.1


def begin(app: Application, reason: str) -> bool:
    """Ask for another key; False where a rotation is begun already. Raises ConflictError before any entry."""
    if not app.ledger.size():
        raise ConflictError(
            "The ledger has no entry yet: there is nothing that its key could vouch for.",
            advice="Open a case first, or make a new data folder for a new key.",
        )
    signer = Signer.generate(app.verifier.name)
    rotation = Rotation(signer, reason, app.actor, timestamp(app.clock()))
    return begin_rotation(app.settings.ledger_key_path, rotation)


def await_rotation(app: Application) -> Verifier:
    """The ledger's key once no rotation is begun any more and the entry of the last one has its place.

    Raises IncompleteError after a minute: then it goes on when a worker sequences.
    """
    deadline = time.monotonic() + _WAIT_S
    while begun_rotation(app.settings.ledger_key_path):
        if time.monotonic() > deadline:
            raise IncompleteError(
                f"The worker has not taken up the next key for {_WAIT_S:.0f} s; it still may.",
                advice="See worker.log in the data folder; stop a worker of an older version.",
            )
        time.sleep(0 if sequence_where_idle(app) else _LOOK_S)
    verifier = app.verifier
    await_entry(app, event_id(verifier.former[-1]), "the rotation")
    return verifier


def carry_out(app: Application) -> None:
    """Go on with a rotation that was begun, to its end; for the holder of worker.lock only.

    Raises TrustMaterialError, IntegrityError where the ledger is not as it was signed: no key follows then.
    """
    path = app.settings.ledger_key_path
    rotation = begun_rotation(path)
    if rotation is None:
        return
    former = hand_over(
        path, rotation, lambda: Sequencer(app.ledger, load_signer(path), app.verifier).last_signed()
    )
    if former is None:
        return
    with app.catalogue.write() as connection:
        if not is_filed(connection, event_id(former)):
            record(connection, _event(rotation, former))
    end_rotation(path)


def event_id(former: FormerKey) -> str:
    """The id of the event that a key was followed by another."""
    return f"key-{former.size}:{ROTATED}"


def _event(rotation: Rotation, former: FormerKey) -> CustodyEvent:
    digest = sha256(former.note).hexdigest()
    return CustodyEvent(
        event_id=event_id(former),
        type=ROTATED,
        at=rotation.at,
        actor=rotation.actor,
        case="",
        objects=(EventObject("", SUCCESSION_ROLE, digest, len(former.note)),),
        body={
            "reason": rotation.reason,
            "size": former.size,
            "old": former.key.vkey,
            "new": rotation.signer.verifier.vkey,
        },
    )
