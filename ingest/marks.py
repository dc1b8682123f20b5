"""Fingerprints of an exhibit's pictures, out of the proof that their packets were kept."""

from evidence.jsontypes import JsonObject
from transcode.values import objects


def packet_marks(inspected: JsonObject, made: JsonObject) -> list[tuple[str, str]]:
    """(stream's index, name of its sequence of packets) of each picture that was rewrapped.

    `inspected` has the section `streams`, `made` the `derivation` of the fast stage.
    """
    derivation = made.get("derivation")
    proofs = objects(derivation.get("proofs")) if isinstance(derivation, dict) else []
    pictures = {
        stream["index"] for stream in objects(inspected.get("streams")) if stream.get("is_picture") is True
    }
    return [
        (str(stream["index"]), str(stream["packets_sha256"]))
        for proof in proofs
        for stream in objects(proof.get("streams"))
        if stream["index"] in pictures
    ]
