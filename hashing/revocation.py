"""Revocation lists (CRL, RFC 5280, section 5) for the chain of a time stamp.

What they mean for a stamp is in RFC 3161, section 4, and in docs/ledger-format.md.
"""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import (
    BasicConstraints,
    Certificate,
    CertificateRevocationList,
    CRLDistributionPoints,
    CRLReason,
    ExtensionNotFound,
    InvalidityDate,
    IssuingDistributionPoint,
    KeyUsage,
    ReasonFlags,
    RevokedCertificate,
    UniformResourceIdentifier,
    load_der_x509_crl,
    load_pem_x509_crl,
)

from evidence.errors import IntegrityError, VidneError
from hashing.report import Defect
from hashing.timestamps import TimeStamp, TimeStampError

LIST_ROLE = "revocation-list"  # of the object in the entry that a stamp was received
# RFC 3161, section 4: with these alone a stamp counts that was made before the revocation.
_SPARING = {
    ReasonFlags.unspecified,
    ReasonFlags.affiliation_changed,
    ReasonFlags.superseded,
    ReasonFlags.cessation_of_operation,
}
_PEM = re.compile(rb"-----BEGIN X509 CRL-----.*?-----END X509 CRL-----\s*", re.DOTALL)


class RevocationListError(IntegrityError):
    """There is no revocation list in force by the authority that it should be by."""


class RevokedError(TimeStampError):
    """A certificate in the chain of a time stamp was revoked."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What lists say of a stamp's chain: it counts until `until`, None where none of them ends it.

    `why` says what ended it; `unlisted` are the issuers of whom no list is there that was in force when the
    stamp was made.
    """

    until: datetime | None = None
    why: str = ""
    unlisted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Listed:
    """What the lists by one issuer say of one certificate: when they were in force, and each revocation."""

    in_force: tuple[tuple[datetime, datetime], ...]
    revocations: tuple[tuple[datetime, bool], ...]  # since when, and whether what was signed before counts


class RevocationLists:
    """The lists at hand: each counts for every certificate of its issuer, whichever stamp it came with."""

    def __init__(self, lists: Iterable[bytes] = (), defects: Iterable[Defect] = ()) -> None:
        """`lists` are in DER or PEM, `defects` tell of those that are missing; raises RevocationListError."""
        self.defects = tuple(defects)
        self._lists = [_load(raw) for raw in lists]
        self._known: dict[tuple[Certificate, Certificate], _Listed] = {}

    def standing(self, stamp: TimeStamp) -> Standing:
        """What the lists say of a stamp; raises RevokedError where its chain was revoked when it was made."""
        found = Standing()
        for certificate, issuer in pairwise(stamp.chain):
            listed, name = self._of(certificate, issuer), certificate.subject.rfc4514_string()
            for since, spares in listed.revocations:
                if since <= stamp.time:
                    raise RevokedError(
                        f"The certificate of {name} was revoked on {since}, the stamp is of {stamp.time}."
                    )
                if not spares and (found.until is None or since < found.until):
                    why = f"the certificate of {name} was revoked on {since:%Y-%m-%d}, not merely given up"
                    found = Standing(since, why, found.unlisted)
            if not any(begin <= stamp.time <= end for begin, end in listed.in_force):
                unlisted = (*found.unlisted, issuer.subject.rfc4514_string())
                found = Standing(found.until, found.why, unlisted)
        return found

    def strangers(self, authorities: Collection[Certificate]) -> int:
        """How many lists none of `authorities` has signed."""
        return sum(not any(_is_by(found, issuer) for issuer in authorities) for found in self._lists)

    def _of(self, certificate: Certificate, issuer: Certificate) -> _Listed:
        known = self._known.get((certificate, issuer))
        if known is None:
            usable = [item for item in self._lists if _is_by(item, issuer) and _is_about(item, certificate)]
            known = self._known[certificate, issuer] = _Listed(
                tuple(_force(item, certificate) for item in usable),
                tuple(_revocation(entry) for item in usable if (entry := _entry(item, certificate))),
            )
        return known


NO_LISTS = RevocationLists()


def list_address(certificate: Certificate) -> str | None:
    """The first http(s) address of the list that `certificate` would stand in; RevocationListError."""
    try:
        addresses = _addresses(certificate)
    except Exception as error:  # what a decoder raises at foreign bytes is written down nowhere
        raise RevocationListError(f"The address of its list cannot be read: {error}.") from error
    return next((url for url in addresses if url.lower().startswith(("http://", "https://"))), None)


def check_not_revoked(raw: bytes, certificate: Certificate, issuer: Certificate, at: datetime) -> None:
    """Raise RevokedError where the list `raw` (DER or PEM) by `issuer` names `certificate`.

    Raises RevocationListError where it is no such list, or is in force no more at `at`.
    """
    found = _load(raw)
    if not _is_by(found, issuer):
        raise RevocationListError(f"The list is not by {issuer.subject.rfc4514_string()}.")
    name = certificate.subject.rfc4514_string()
    if (entry := _entry(found, certificate)) is not None:
        raise RevokedError(f"The certificate of {name} was revoked on {entry.revocation_date_utc}.")
    if not _is_about(found, certificate):
        raise RevocationListError(f"The list is not one of all certificates such as that of {name}.")
    if found.next_update_utc is None or found.next_update_utc < at:
        raise RevocationListError(f"The list was in force until {found.next_update_utc}.")


def pem_of(lists: Iterable[bytes]) -> bytes:
    """The lists in PEM, one behind the other; raises RevocationListError."""
    return b"".join(_load(raw).public_bytes(Encoding.PEM) for raw in lists)


def lists_in(pem: bytes) -> list[bytes]:
    """The lists of a file that holds nothing else; raises RevocationListError."""
    if _PEM.sub(b"", pem) or not pem:
        raise RevocationListError("It holds something else than revocation lists in PEM.")
    return _PEM.findall(pem)


def _load(raw: bytes) -> CertificateRevocationList:
    try:
        found = load_pem_x509_crl(raw) if raw.startswith(b"-----BEGIN") else load_der_x509_crl(raw)
        _ = found.extensions, found.last_update_utc, found.next_update_utc, found.issuer
    except VidneError:
        raise
    except Exception as error:  # as above
        raise RevocationListError(f"It is no revocation list: {error}.") from error
    return found


def _is_by(found: CertificateRevocationList, issuer: Certificate) -> bool:
    """Whether `issuer` has signed it, and may (RFC 5280, section 6.3.3, f)."""
    if found.issuer != issuer.subject:
        return False
    try:
        usage = issuer.extensions.get_extension_for_class(KeyUsage).value
    except ExtensionNotFound:
        usage = None
    try:
        is_valid = found.is_signature_valid(issuer.public_key())  # type: ignore[arg-type]  # others raise
    except Exception:  # noqa: BLE001 - as above
        return False
    return is_valid and (usage is None or usage.crl_sign)


def _is_about(found: CertificateRevocationList, certificate: Certificate) -> bool:
    """Whether the certificate would stand in it, and nothing critical is said that is not understood.

    RFC 5280, sections 5.2 and 6.3.3, b; a delta list is one such thing.
    """
    return all(
        isinstance(extension.value, IssuingDistributionPoint) and _has(extension.value, certificate)
        for extension in found.extensions
        if extension.critical
    )


def _has(scope: IssuingDistributionPoint, certificate: Certificate) -> bool:
    if scope.indirect_crl or scope.only_contains_attribute_certs or scope.only_some_reasons:
        return False
    try:
        is_ca = certificate.extensions.get_extension_for_class(BasicConstraints).value.ca
    except ExtensionNotFound:
        is_ca = False
    if (scope.only_contains_ca_certs and not is_ca) or (scope.only_contains_user_certs and is_ca):
        return False
    names = {name.value for name in scope.full_name or () if isinstance(name, UniformResourceIdentifier)}
    is_anywhere = scope.full_name is None and scope.relative_name is None
    return is_anywhere or bool(names.intersection(_addresses(certificate)))


def _addresses(certificate: Certificate) -> list[str]:
    try:
        points = certificate.extensions.get_extension_for_class(CRLDistributionPoints).value
    except ExtensionNotFound:
        return []
    names = [name for point in points for name in point.full_name or ()]
    return [name.value for name in names if isinstance(name, UniformResourceIdentifier)]


def _force(found: CertificateRevocationList, certificate: Certificate) -> tuple[datetime, datetime]:
    """For which times the list speaks of the certificate.

    One that came later does so, too, if the certificate had not expired: it would still stand in it (RFC
    5280, section 3.3).
    """
    begin = found.last_update_utc
    if begin <= certificate.not_valid_after_utc:
        begin = certificate.not_valid_before_utc
    return begin, found.next_update_utc or found.last_update_utc


def _entry(found: CertificateRevocationList, certificate: Certificate) -> RevokedCertificate | None:
    return found.get_revoked_certificate_by_serial_number(certificate.serial_number)


def _revocation(entry: RevokedCertificate) -> tuple[datetime, bool]:
    """Since when a certificate is revoked, and whether what was signed before that still counts."""
    since, reason = entry.revocation_date_utc, None
    for extension in entry.extensions:
        if isinstance(extension.value, CRLReason):
            reason = extension.value.reason
        elif isinstance(extension.value, InvalidityDate):  # RFC 5280, section 5.3.2: it may lie before
            since = min(since, extension.value.invalidity_date_utc)
    return since, reason in _SPARING
