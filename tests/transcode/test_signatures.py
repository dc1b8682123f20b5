"""C2PA signatures are checked from the original, offline; what cannot be checked is told."""

import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import c2pa
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from evidence.jsontypes import JsonObject
from tests.transcode.test_stills import photograph
from transcode import signatures
from transcode.child import Finished
from transcode.inspect import inspect

CAPTURED = "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture"


def certificate(
    name: str, key: ec.EllipticCurvePrivateKey, issuer: str, issuer_key: ec.EllipticCurvePrivateKey
) -> x509.Certificate:
    """A certificate as C2PA asks for: an authority's where name and issuer are the same, else a signer's."""
    is_authority = name == issuer
    day = datetime.now(UTC).replace(microsecond=0)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(day - timedelta(days=1))
        .not_valid_after(day + timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False
        )
        .add_extension(
            x509.KeyUsage(
                digital_signature=not is_authority,
                content_commitment=False,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                key_cert_sign=is_authority,
                crl_sign=is_authority,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
    )
    if not is_authority:
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
        builder = builder.add_extension(usage, critical=True)
    return builder.sign(issuer_key, hashes.SHA256())


def sign(source: Path, media_type: str, target: Path) -> Path:
    """A copy of `source`, signed by a maker whom nobody knows."""
    authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    chain = [
        certificate("Camera Maker", key, "Authority", authority_key),
        certificate("Authority", authority_key, "Authority", authority_key),
    ]
    pem = b"".join(one.public_bytes(serialization.Encoding.PEM) for one in chain)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    info = c2pa.C2paSignerInfo(alg=b"es256", sign_cert=pem, private_key=private, ta_url=None)
    manifest = {
        "claim_generator_info": [{"name": "Camera", "version": "1.0"}],
        "format": media_type,
        "title": "evidence",
        "assertions": [
            {
                "label": "c2pa.actions",
                "data": {"actions": [{"action": "c2pa.created", "digitalSourceType": CAPTURED}]},
            },
        ],
    }
    signed = io.BytesIO()
    with c2pa.Builder(json.dumps(manifest)) as builder, c2pa.Signer.from_info(info) as signer:
        builder.sign(signer, media_type, io.BytesIO(source.read_bytes()), signed)
    target.write_bytes(signed.getvalue())
    return target


def found(source: Path, work: Path) -> tuple[JsonObject, list[str]]:
    """The section's part on C2PA after the inspect stage, and the codes of its problems."""
    report = inspect(source, work, source.name)
    section = report.sections["signatures"]
    assert isinstance(section, dict)
    c2pa_section = section["c2pa"]
    assert isinstance(c2pa_section, dict)
    return c2pa_section, [problem.code for problem in report.problems]


def test_a_signed_photograph_is_valid_and_its_signer_is_not_called_trusted(tmp_path: Path) -> None:
    signed = sign(photograph(tmp_path / "plain.jpg"), "image/jpeg", tmp_path / "signed.jpg")
    section, codes = found(signed, tmp_path)
    assert section["state"] == "valid, signer not trusted"
    assert section["issuer"] == "Camera Maker"
    assert str(section["generator"]).startswith("Camera 1.0")
    assert "signingCredential.untrusted" in str(section["failure"])
    assert codes == []


def test_a_signed_recording_is_valid_and_one_changed_byte_makes_it_invalid(
    clip: Path, tmp_path: Path
) -> None:
    signed = sign(clip, "video/mp4", tmp_path / "signed.mp4")
    section, codes = found(signed, tmp_path)
    assert (section["state"], codes) == ("valid, signer not trusted", [])
    data = bytearray(signed.read_bytes())
    data[data.rindex(b"mdat") + 2000] ^= 1
    signed.write_bytes(data)
    section, codes = found(signed, tmp_path)
    assert section["state"] == "invalid"
    assert "bmffHash.mismatch" in str(section["failure"])
    assert "signature-invalid" in codes


def test_a_photograph_that_was_changed_after_signing_is_invalid(tmp_path: Path) -> None:
    signed = sign(photograph(tmp_path / "plain.jpg"), "image/jpeg", tmp_path / "signed.jpg")
    data = bytearray(signed.read_bytes())
    data[-20] ^= 1
    signed.write_bytes(data)
    section, codes = found(signed, tmp_path)
    assert (section["state"], codes) == ("invalid", ["signature-invalid"])
    assert "assertion.dataHash.mismatch" in str(section["failure"])


def test_absence_is_told_and_is_no_problem(clip: Path, tmp_path: Path) -> None:
    section, codes = found(clip, tmp_path)
    assert section["state"] == "absent"
    assert "says nothing" in str(section["text"])
    assert codes == []


@pytest.mark.parametrize("cut", [0, 1, 5000])
def test_a_box_that_may_hold_a_manifest_is_looked_into_and_so_is_a_file_that_is_cut(
    clip: Path, tmp_path: Path, cut: int
) -> None:
    box = b"\0\0\0\x20uuid" + b"x" * 24
    data = clip.read_bytes()
    source = tmp_path / "a.mp4"
    source.write_bytes(data[: len(data) - cut] if cut else data + box)
    assert str(found(source, tmp_path)[0]["reader"]).startswith("c2pa-python")
    assert found(clip, tmp_path)[0]["reader"] == "top-level boxes"


def test_a_format_without_a_reader_is_not_checked(tmp_path: Path) -> None:
    (tmp_path / "a.mxf").write_bytes(b"\x06\x0e\x2b\x34")
    section = signatures.read(tmp_path / "a.mxf", "MXF")
    assert "'not checked'" in str(section)
    assert signatures.problems(section, seems_signed=False) == []


def test_a_manifest_that_cannot_be_read_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"\0\0\0\x20ftypmp42" + b"\xff" * 400)
    section = signatures.read(tmp_path / "a.mp4", "QuickTime or MP4")
    [problem] = signatures.problems(section, seems_signed=True)
    assert problem.code == "signature-not-checked"
    assert "cannot read it" in problem.text


@pytest.mark.parametrize(
    ("mark", "kind"),
    [
        (b"Signed Video...0", "Axis Signed Video"),
        (bytes.fromhex("005bc93f2d715e95ada4796f90877a6f"), "ONVIF Media Signing"),
    ],
)
def test_a_signature_in_the_stream_is_told_as_present_and_not_checked(
    clip: Path, tmp_path: Path, mark: bytes, kind: str
) -> None:
    (tmp_path / "a.mp4").write_bytes(clip.read_bytes() + b"\0\0\0\x20free" + mark + b"\0" * 8)
    section = signatures.read(tmp_path / "a.mp4", "QuickTime or MP4")
    assert section["video"] == [{"kind": kind, "state": "present, not checked"}]
    [problem] = signatures.problems(section, seems_signed=False)
    assert kind in problem.text


def answer(text: bytes, returncode: int = 0) -> Finished:
    return Finished(returncode, text, "", 0.0, 0.0, "")


@pytest.mark.parametrize(
    ("said", "state"),
    [
        (b'{"state": "Trusted"}', "valid"),
        (b'{"state": "Valid"}', "valid, signer not trusted"),
        (b'{"state": "Invalid"}', "invalid"),
        (b'{"state": "absent"}', "absent"),
    ],
)
def test_each_verdict_has_its_word(said: bytes, state: str) -> None:
    assert signatures.checked(answer(said))["state"] == state


@pytest.mark.parametrize(
    "said",
    [b"", b"[]", b"{", b'{"state": "valid"}', b'{"state": ["Valid"]}', b'{"failed": "x"}', b'{"state": 1}'],
)
def test_an_answer_of_another_form_is_no_verdict(said: bytes) -> None:
    assert signatures.checked(answer(said))["state"] == "not checked"


def test_a_child_that_died_gave_no_verdict() -> None:
    assert signatures.checked(answer(b'{"state": "Trusted"}', 137))["state"] == "not checked"


def test_texts_and_lists_without_measure_are_bounded() -> None:
    codes = [{"code": "c" * 10_000}] * 10_000
    results = {"failure": codes}
    said = {"state": "Valid", "title": "t" * 10_000, "assertions": ["a"] * 10_000, "results": results}
    section = signatures.checked(answer(json.dumps(said).encode()))
    assert len(json.dumps(section)) < 60_000
