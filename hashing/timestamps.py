"""Time stamps (RFC 3161): the request over some bytes, and what an authority's response to it proves.

Nothing here uses the network: a response is verified against the bytes and against roots that are given.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import (
    Certificate,
    ExtendedKeyUsage,
    ExtensionNotFound,
    load_der_x509_certificate,
    load_pem_x509_certificates,
)
from cryptography.x509.oid import ExtendedKeyUsageOID
from rfc3161_client import (
    HashAlgorithm,
    TimestampRequestBuilder,
    TimeStampResponse,
    VerifierBuilder,
    decode_timestamp_response,
)

from evidence.errors import IntegrityError, TrustMaterialError, VidneError
from hashing.der import CONTEXT_0, SEQUENCE, Element, elements

STAMP_ROLE = "time-stamp"  # of the object in the entry that a stamp was received
_SHA256 = "2.16.840.1.101.3.4.2.1"
_GRANTED = 0
_LONGEST_CHAIN = 10
_CLOCKS_DIFFER = timedelta(minutes=5)
# Object identifiers as DER has them: the attributes (RFC 2634, 5035) with their default, and the digests.
_SIGNING_CERTIFICATE = {
    bytes.fromhex("2a864886f70d010910020c"): "sha1",
    bytes.fromhex("2a864886f70d010910022f"): "sha256",
}
_ALGORITHMS = {
    bytes.fromhex("608648016503040201"): "sha256",
    bytes.fromhex("608648016503040202"): "sha384",
    bytes.fromhex("608648016503040203"): "sha512",
}


class TimeStampError(IntegrityError):
    """A response is no time stamp over these bytes by an authority that is trusted."""


class FutureTimeStampError(TimeStampError):
    """A time stamp is of a time that has not come: the clock of whoever looks at it is wrong."""


@dataclass(frozen=True, slots=True)
class Request:
    """A TimeStampReq (RFC 3161, section 2.4.1) in DER, and the nonce that the response must repeat."""

    der: bytes
    nonce: int


@dataclass(frozen=True, slots=True)
class TimeStamp:
    """What a verified response says; `time` is UTC, `policy` an OID, `authority` its certificate's subject.

    `chain` leads from the authority's certificate to a root.
    """

    time: datetime
    serial: int
    policy: str
    authority: str
    chain: tuple[Certificate, ...]

    @property
    def expires(self) -> datetime:
        """When the first certificate of the chain expires."""
        return min(certificate.not_valid_after_utc for certificate in self.chain)

    @property
    def chain_pem(self) -> bytes:
        """The chain as PEM, the authority first."""
        return b"".join(certificate.public_bytes(Encoding.PEM) for certificate in self.chain)


def make_request(content: bytes) -> Request:
    """A request for a stamp over `content`: SHA-256, a random nonce, the authority's certificate wanted."""
    builder = TimestampRequestBuilder().data(content).hash_algorithm(HashAlgorithm.SHA256)
    request = builder.nonce(nonce=True).cert_request(cert_request=True).build()
    if request.nonce is None:
        raise TimeStampError("The request was made without a nonce.", advice="Please report this defect.")
    return Request(request.as_bytes(), request.nonce)


def load_roots(pem: bytes) -> tuple[Certificate, ...]:
    """The certificates of a PEM file; raises TrustMaterialError where there are none.

    Roots are trusted; others in the file complete the chain of an authority that does not send it.
    """
    try:
        return tuple(load_pem_x509_certificates(pem))
    except ValueError as error:
        raise TrustMaterialError(
            f"The roots of the time-stamp authorities cannot be read: {error}",
            advice="Put their root certificates, in PEM, into that file.",
        ) from error


def load_roots_file(path: str) -> tuple[Certificate, ...]:
    """As `load_roots`, of a file; an empty name is a missing one."""
    if not path:
        raise TrustMaterialError(
            "There is no root certificate to check time stamps against.",
            advice="Name a PEM file of roots in VIDNE_TSA_ROOTS.",
        )
    try:
        return load_roots(Path(path).read_bytes())
    except OSError as error:
        raise TrustMaterialError(
            f"The roots of the time-stamp authorities, {path}, cannot be read: {error.strerror}.",
            advice="Name a PEM file of roots in VIDNE_TSA_ROOTS.",
        ) from error


def verify_response(
    response: bytes,
    content: bytes,
    roots: Sequence[Certificate],
    *,
    at: datetime,
    nonce: int | None = None,
    policy: str | None = None,
) -> TimeStamp:
    """What `response` (a DER TimeStampResp) says of `content`, once all of it holds at the time `at`.

    The chain must have been valid when the stamp was made (RFC 3161, section 4), which is not after `at`.
    Nonce and policy are compared where they are given. Raises TimeStampError that names what does not hold;
    TrustMaterialError where there are no roots.
    """
    if not roots:
        raise TrustMaterialError(
            "There is no root certificate to check time stamps against.",
            advice="Name a PEM file of roots in VIDNE_TSA_ROOTS.",
        )
    try:
        decoded = decode_timestamp_response(_in_order(response))
        stamp = _verified(decoded, content, roots, at=at, nonce=nonce, policy=policy)
        _check_signer(response, stamp.chain[0])
    except VidneError:
        raise
    except Exception as error:  # what two decoders raise at foreign bytes is written down nowhere
        raise TimeStampError(f"The time stamp does not hold: {error}.") from error
    return stamp


def check_content(response: bytes, content: bytes) -> None:
    """Whether `response` (a DER TimeStampResp) is a stamp over `content`, whoever made it.

    Takes no roots, and shows neither an origin nor a time. Raises TimeStampError.
    """
    try:
        _require_over(decode_timestamp_response(_in_order(response)), hashlib.sha256(content).digest())
    except VidneError:
        raise
    except Exception as error:  # as in verify_response
        raise TimeStampError(f"The time stamp does not hold: {error}.") from error


def stated_time(response: bytes) -> datetime:
    """When `response` (a DER TimeStampResp) says it was made; nothing is verified. Raises TimeStampError."""
    try:
        return decode_timestamp_response(_in_order(response)).tst_info.gen_time
    except Exception as error:  # as in verify_response
        raise TimeStampError(f"The time stamp cannot be read: {error}.") from error


def _require_over(response: TimeStampResponse, digest: bytes) -> None:
    """Raise TimeStampError where it was not granted, or is over bytes with another SHA-256."""
    if response.status != _GRANTED:
        said = "; ".join(response.status_string) or "without a reason"
        raise TimeStampError(f"The authority gave no time stamp (status {response.status}): {said}.")
    imprint = response.tst_info.message_imprint
    if imprint.hash_algorithm.dotted_string != _SHA256 or imprint.message != digest:
        raise TimeStampError("The time stamp is over other bytes.")


def _verified(
    response: TimeStampResponse,
    content: bytes,
    roots: Sequence[Certificate],
    *,
    at: datetime,
    nonce: int | None,
    policy: str | None,
) -> TimeStamp:
    digest = hashlib.sha256(content).digest()
    _require_over(response, digest)
    info = response.tst_info
    if nonce is not None and info.nonce != nonce:
        raise TimeStampError("The time stamp answers another request: its nonce differs.")
    if policy is not None and info.policy.dotted_string != policy:
        raise TimeStampError(f"The time stamp is under the policy {info.policy.dotted_string}, not {policy}.")
    if info.gen_time > at + _CLOCKS_DIFFER:
        raise FutureTimeStampError(
            f"The time stamp is of {info.gen_time}, and it is {at} here.", advice="Set this machine's clock."
        )
    chain = _chain(response, roots)
    _check_chain(chain, info.gen_time)
    builder = VerifierBuilder()
    # Those of this chain alone: of two with one name, as old and new ones may be, the verifier takes either.
    for root in dict.fromkeys(certificate for certificate in chain if certificate in roots):
        builder = builder.add_root_certificate(root)
    builder.build().verify(response, digest)
    return TimeStamp(
        info.gen_time,
        info.serial_number,
        info.policy.dotted_string,
        chain[0].subject.rfc4514_string(),
        chain,
    )


def _chain(response: TimeStampResponse, roots: Sequence[Certificate]) -> tuple[Certificate, ...]:
    """From the certificate that signed to one of `roots`; raises TimeStampError where there is no way."""
    signers = list(response.signed_data.signer_infos)
    sent = [load_der_x509_certificate(raw) for raw in response.signed_data.certificates]
    signed_by = [
        certificate
        for certificate in sent
        if len(signers) == 1
        and (certificate.issuer, certificate.serial_number) == (signers[0].issuer, signers[0].serial_number)
    ]
    if not signed_by:
        raise TimeStampError("The time stamp does not hold the certificate of who signed it.")
    chain = signed_by[:1]
    while chain[-1] not in roots or chain[-1].issuer != chain[-1].subject:
        above = next((c for c in (*roots, *sent) if c not in chain and _has_issued(c, chain[-1])), None)
        if above is None or len(chain) == _LONGEST_CHAIN:
            name = chain[-1].subject.rfc4514_string()
            raise TimeStampError(f"The time stamp's chain ends at {name}, which no root here has issued.")
        chain.append(above)
    return tuple(chain)


def _has_issued(issuer: Certificate, certificate: Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _check_chain(chain: Sequence[Certificate], made: datetime) -> None:
    for certificate in chain:
        if not certificate.not_valid_before_utc <= made <= certificate.not_valid_after_utc:
            raise TimeStampError(
                f"The time stamp is of {made}, when the certificate of"
                f" {certificate.subject.rfc4514_string()} was not valid (from"
                f" {certificate.not_valid_before_utc} to {certificate.not_valid_after_utc})."
            )
    try:
        usage = chain[0].extensions.get_extension_for_class(ExtendedKeyUsage)
    except ExtensionNotFound:
        usage = None
    # RFC 3161, section 2.3: one purpose, and critical.
    if usage is None or not usage.critical or list(usage.value) != [ExtendedKeyUsageOID.TIME_STAMPING]:
        name = chain[0].subject.rfc4514_string()
        raise TimeStampError(f"The certificate of {name} is not one for time stamping.")


def _in_order(response: bytes) -> bytes:
    """`response` with its certificates in DER's order, as the decoder wants them and many do not send them.

    They are outside of what is signed. RFC 3161, section 2.4.2; RFC 5652, section 5.1.
    """
    for part in _signed_data(response):
        if part.tag == CONTEXT_0:  # the certificates
            ordered = b"".join(sorted(certificate.whole for certificate in part.parts))
            return response.replace(part.contents, ordered, 1)
    return response


def _signed_data(response: bytes) -> list[Element]:
    """The fields of the token's SignedData; none where there is no token."""
    _status, *token = elements(response)[0].parts
    return token[0].parts[1].parts[0].parts if token else []


def _check_signer(response: bytes, signer: Certificate) -> None:
    """Compare the certificate with the digest of it that is signed (RFC 5035, section 3; RFC 5816).

    Without it another certificate with the same key and number could be put in its place.
    """
    (info,) = _signed_data(response)[-1].parts
    signed = next(part for part in info.parts if part.tag == CONTEXT_0)
    for attribute in signed.parts:
        kind, values = attribute.parts
        if kind.contents in _SIGNING_CERTIFICATE:
            named = values.parts[0].parts[0].parts[0].parts
            algorithm = _SIGNING_CERTIFICATE[kind.contents]
            if named[0].tag == SEQUENCE:
                algorithm = _ALGORITHMS[named.pop(0).parts[0].contents]
            encoded = signer.public_bytes(Encoding.DER)
            if named[0].contents == hashlib.new(algorithm, encoded, usedforsecurity=False).digest():
                return
            raise TimeStampError("The time stamp names another certificate than the one that it holds.")
    raise TimeStampError("The time stamp does not say with which certificate it was signed.")
