"""Revocation lists (CRL, RFC 5280, section 5) for the chain of a time stamp."""

from datetime import datetime

from cryptography.x509 import (
    Certificate,
    CertificateRevocationList,
    CRLDistributionPoints,
    ExtensionNotFound,
    UniformResourceIdentifier,
    load_der_x509_crl,
    load_pem_x509_crl,
)

from evidence.errors import IntegrityError, VidneError
from hashing.timestamps import TimeStampError

LIST_ROLE = "revocation-list"  # of the object in the entry that a stamp was received


class RevocationListError(IntegrityError):
    """There is no revocation list in force by the authority that it should be by."""


class RevokedError(TimeStampError):
    """A certificate in the chain of a time stamp was revoked."""


def list_address(certificate: Certificate) -> str | None:
    """The first http(s) address of the list that `certificate` would stand in; RevocationListError."""
    try:
        points = certificate.extensions.get_extension_for_class(CRLDistributionPoints).value
    except ExtensionNotFound:
        return None
    except Exception as error:  # what a decoder raises at foreign bytes is written down nowhere
        raise RevocationListError(f"The address of its list cannot be read: {error}.") from error
    names = [name for point in points for name in point.full_name or ()]
    addresses = [name.value for name in names if isinstance(name, UniformResourceIdentifier)]
    return next((url for url in addresses if url.lower().startswith(("http://", "https://"))), None)


def check_not_revoked(raw: bytes, certificate: Certificate, issuer: Certificate, at: datetime) -> None:
    """Raise RevokedError where the list `raw` (DER or PEM) by `issuer` names `certificate`.

    Raises RevocationListError where it is no such list, or is in force no more at `at`.
    """
    try:
        _check(_load(raw), certificate, issuer, at)
    except VidneError:
        raise
    except Exception as error:  # as above
        raise RevocationListError(f"It is no revocation list: {error}.") from error


def _check(
    found: CertificateRevocationList, certificate: Certificate, issuer: Certificate, at: datetime
) -> None:
    is_by_issuer = found.is_signature_valid(issuer.public_key())  # type: ignore[arg-type]  # others raise
    if found.issuer != issuer.subject or not is_by_issuer:
        raise RevocationListError(f"The list is not by {issuer.subject.rfc4514_string()}.")
    entry = found.get_revoked_certificate_by_serial_number(certificate.serial_number)
    if entry is not None:
        name = certificate.subject.rfc4514_string()
        raise RevokedError(f"The certificate of {name} was revoked on {entry.revocation_date_utc}.")
    if found.next_update_utc is None or found.next_update_utc < at:
        raise RevocationListError(f"The list was in force until {found.next_update_utc}.")


def _load(raw: bytes) -> CertificateRevocationList:
    return load_pem_x509_crl(raw) if raw.startswith(b"-----BEGIN") else load_der_x509_crl(raw)
