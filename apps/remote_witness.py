"""A witness as the log meets it: checkpoints are sent, cosignatures and the last checkpoint come back."""

import time
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, Request, build_opener

from evidence.errors import IntegrityError, SettingsError, TrustMaterialError, UnavailableError, VidneError
from hashing.cosignatures import CosignatureVerifier
from hashing.note_keys import Signature
from hashing.notes import Checkpoint, NoteError, split_note, verified, with_lines
from hashing.proof_file import ConsistencyProof
from hashing.tiles import TiledTree
from hashing.witness import origin_hash

_WAIT_S = 5.0  # for the witness to take a connection, and for each piece that it sends
_ALL_S = 15.0
_MOST_BYTES = 64 * 1024
_TRIES = 4  # each after the witness named another size


class _NoRedirect(HTTPRedirectHandler):
    def redirect_request(self, *_args: Any, **_named: Any) -> None:
        """A witness is where the settings say, and nowhere else."""


@dataclass(frozen=True, slots=True)
class RemoteWitness:
    """A witness that the settings name: the address before `/add-checkpoint`, and its key."""

    url: str
    verifier: CosignatureVerifier

    @property
    def key_id(self) -> str:
        """Its key's id, hexadecimal."""
        return self.verifier.key_id.hex()

    def cosign(self, note: bytes, tree: TiledTree, known: int) -> Signature:
        """Have the checkpoint in `note` cosigned, with the proof from `tree` that it extends the last one.

        `known` is the size that the witness cosigned last, as far as is known here. Raises IntegrityError
        where it saw more of the log or another history, TrustMaterialError where it does not know the log,
        UnavailableError where it is not to be reached.
        """
        text, _ = split_note(note)
        size = Checkpoint.from_text(text).size
        for _ in range(_TRIES):
            self.check_size(known, size)
            proof = ConsistencyProof(known, tuple(tree.consistency_proof(known)))
            body = proof.to_bytes() + b"\n" + note
            status, answer = self._ask("/add-checkpoint", body)
            if status == 200:
                return self._cosignature(text, note, answer)
            if status != 409:
                raise self._refused(status, answer)
            known = self._size(answer)
        raise UnavailableError(f"Witness {self.verifier.name} named another size {_TRIES} times over.")

    def check_size(self, known: int, size: int) -> None:
        """Raise IntegrityError where it has cosigned more, `known`, than the `size` that the log has."""
        if known > size:
            raise IntegrityError(
                f"Witness {self.verifier.name} has cosigned {known} entries; the log ends at {size}.",
                advice="The ledger was rolled back: find out by whom, and restore it.",
            )

    def last(self, origin: str) -> bytes | None:
        """The note with the last checkpoint of the log that it cosigned; None where it has none."""
        status, answer = self._ask(f"/{origin_hash(origin)}/checkpoint", None)
        if status == 404:
            return None
        if status != 200:
            raise self._refused(status, answer)
        return answer

    def _cosignature(self, text: bytes, note: bytes, answer: bytes) -> Signature:
        _, signatures = split_note(with_lines(note, [answer]))
        found = verified(text, signatures, [self.verifier])
        if self.verifier not in found:
            raise NoteError(f"{self.url} answered without a cosignature by {self.verifier.name}.")
        return found[self.verifier]

    def _size(self, answer: bytes) -> int:
        if not answer.strip().isdigit() or len(answer) > 20:
            raise UnavailableError(f"{self.url} does not answer as a witness does.")
        return int(answer)

    def _refused(self, status: int, answer: bytes) -> VidneError:
        said = answer[:200].decode("utf-8", "replace").strip()
        what = f"Witness {self.verifier.name} answered {status}: {said}"
        if status == 422:
            return IntegrityError(what, advice="It has seen another history of this log: run vidne verify.")
        if status in (403, 404):
            return TrustMaterialError(
                what,
                advice="There: vidne ledger witness trust DIR VKEY, with what keys/ledger.vkey holds.",
            )
        return UnavailableError(what)

    def _ask(self, path: str, body: bytes | None) -> tuple[int, bytes]:
        """Status and body of the answer, whatever the status."""
        request = Request(  # noqa: S310 - of http and https alone: see parse_witnesses
            self.url.rstrip("/") + path, data=body, headers={"Content-Type": "text/plain; charset=utf-8"}
        )
        try:
            try:
                response: Any = build_opener(_NoRedirect).open(request, timeout=_WAIT_S)
            except HTTPError as answered:
                response = answered
            with response:
                return response.status, _read(response)
        except (OSError, HTTPException, ValueError) as error:
            reason = getattr(error, "reason", error)
            raise UnavailableError(f"Witness {self.verifier.name} at {self.url}: {reason}.") from error


def _read(response: Any) -> bytes:
    until = time.monotonic() + _ALL_S
    answer = b""
    while piece := response.read1(_MOST_BYTES):
        answer += piece
        if len(answer) > _MOST_BYTES or time.monotonic() > until:
            raise TimeoutError("its answer has no end")
    return answer


def parse_witnesses(text: str) -> list[RemoteWitness]:
    """The witnesses in VIDNE_WITNESSES: `URL=vkey`, comma-separated. Raises SettingsError."""
    found = []
    for part in filter(None, (item.strip() for item in text.split(","))):
        url, _, vkey = part.partition("=")  # a vkey may hold = and +, a witness's address holds no =
        try:
            verifier = CosignatureVerifier.from_vkey(vkey)
        except TrustMaterialError as error:
            raise _not_a_witness(part) from error
        if not url.startswith(("http://", "https://")):
            raise _not_a_witness(part)
        found.append(RemoteWitness(url, verifier))
    return found


def read_witnesses(path: str) -> list[RemoteWitness]:
    """The witnesses in the file that VIDNE_WITNESSES_FILE names, one a line. Raises SettingsError."""
    if not path:
        return []
    try:
        lines = Path(path).read_text().splitlines()
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"VIDNE_WITNESSES_FILE {path} cannot be read: {error}.",
            advice="Name a file with URL=vkey on each line.",
        ) from error
    return parse_witnesses(",".join(lines))


def _not_a_witness(part: str) -> SettingsError:
    return SettingsError(
        f"VIDNE_WITNESSES has {part!r}.",
        advice="Write URL=vkey, several with commas between; vidne ledger witness init prints the vkey.",
    )
