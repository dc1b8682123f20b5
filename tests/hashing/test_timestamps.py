"""Time stamps by a real authority, and each way in which one can be wrong."""

import random
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from evidence.errors import TrustMaterialError
from hashing.timestamps import TimeStampError, load_roots, make_request, verify_response
from tests.tsa import OTHER_POLICY, POLICY, Authority, authority, issue, openssl_accepts, signed_by

NOTE = "vidne.example/log\n6\n5KSkq4B4NlzSffV5ryWUAqYrDSUZ+5+bVVjkUO17WnI=\n\n— x y\n".encode()
DAY = timedelta(days=1)


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture(scope="module")
def tsa(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority(tmp_path_factory.mktemp("tsa"))


@pytest.fixture(scope="module")
def response(tsa: Authority) -> bytes:
    return tsa.reply(make_request(NOTE).der)


def test_a_stamp_says_when_and_by_whom(tsa: Authority) -> None:
    before = now().replace(microsecond=0)
    request = make_request(NOTE)
    answer = tsa.reply(request.der)
    roots = load_roots(tsa.roots.read_bytes())
    stamp = verify_response(answer, NOTE, roots, at=now(), nonce=request.nonce, policy=POLICY)
    assert before <= stamp.time <= now()
    assert (stamp.policy, stamp.authority) == (POLICY, "CN=Test Time-Stamp Authority")
    assert stamp.serial > 0
    assert [c.subject.rfc4514_string() for c in stamp.chain] == [
        "CN=Test Time-Stamp Authority", "CN=Test Intermediate", "CN=Test Root",
    ]  # fmt: skip
    assert stamp.expires == min(c.not_valid_after_utc for c in stamp.chain)


def test_openssl_accepts_what_we_accept(tsa: Authority, response: bytes, tmp_path: Path) -> None:
    assert openssl_accepts(response, NOTE, tsa.roots, tmp_path)
    assert not openssl_accepts(response, NOTE + b"\n", tsa.roots, tmp_path)


def test_two_requests_over_the_same_bytes_have_two_nonces() -> None:
    assert make_request(NOTE).nonce != make_request(NOTE).nonce


def test_a_token_over_another_root_is_refused(tsa: Authority, response: bytes) -> None:
    with pytest.raises(TimeStampError, match="over other bytes"):
        verify_response(response, NOTE + b"\n", [tsa.root.certificate], at=now())


def test_a_token_with_another_nonce_is_refused(tsa: Authority, response: bytes) -> None:
    with pytest.raises(TimeStampError, match="nonce"):
        verify_response(response, NOTE, [tsa.root.certificate], at=now(), nonce=make_request(NOTE).nonce)


def test_a_token_under_another_policy_is_refused(tsa: Authority, response: bytes) -> None:
    with pytest.raises(TimeStampError, match="policy"):
        verify_response(response, NOTE, [tsa.root.certificate], at=now(), policy=OTHER_POLICY)


def test_a_token_of_another_authority_is_refused(response: bytes) -> None:
    stranger = issue("Test Root")
    with pytest.raises(TimeStampError, match="no root here has issued"):
        verify_response(response, NOTE, [stranger.certificate], at=now())


def test_the_authoritys_own_intermediate_is_no_root(tsa: Authority, response: bytes) -> None:
    with pytest.raises(TimeStampError, match="no root here has issued"):
        verify_response(response, NOTE, [tsa.middle.certificate], at=now())


def test_of_two_roots_of_one_name_the_one_that_issued_is_taken(tsa: Authority, response: bytes) -> None:
    twin = issue("Test Root").certificate
    for roots in ([twin, tsa.root.certificate], [tsa.root.certificate, twin]):
        assert verify_response(response, NOTE, roots, at=now()).chain[-1] == tsa.root.certificate


def test_the_root_file_may_hold_a_certificate_between(tsa: Authority, response: bytes) -> None:
    roots = load_roots(tsa.middle.pem + tsa.root.pem + tsa.root.pem)
    assert len(verify_response(response, NOTE, roots, at=now()).chain) == 3


@pytest.mark.parametrize(
    ("start", "end"),
    [(now() - 9 * DAY, now() - DAY), (now() + DAY, now() + 9 * DAY)],
    ids=["expired", "early"],
)
def test_a_chain_that_was_not_valid_when_the_token_was_made_is_refused(
    tmp_path: Path, start: datetime, end: datetime
) -> None:
    tsa = authority(tmp_path, start=start, end=end)
    answer = tsa.reply(make_request(NOTE).der)
    with pytest.raises(TimeStampError, match="was not valid"):
        verify_response(answer, NOTE, [tsa.root.certificate], at=now())
    assert not openssl_accepts(answer, NOTE, tsa.roots, tmp_path)


def test_a_token_whose_chain_expired_since_still_holds_for_its_own_time(
    tsa: Authority, response: bytes
) -> None:
    stamp = verify_response(response, NOTE, [tsa.root.certificate], at=now() + 5000 * DAY)
    assert stamp.expires < now() + 5000 * DAY


def test_openssl_accepts_a_token_whose_chain_expired_when_told_its_time(tmp_path: Path) -> None:
    tsa = authority(tmp_path, end=now() + timedelta(seconds=2))
    answer = tsa.reply(make_request(NOTE).der)
    stamp = verify_response(answer, NOTE, [tsa.root.certificate], at=now())
    time.sleep(max(0, (stamp.expires - now()).total_seconds() + 1))
    assert not openssl_accepts(answer, NOTE, tsa.roots, tmp_path)
    assert openssl_accepts(answer, NOTE, tsa.roots, tmp_path, "-attime", f"{stamp.time.timestamp():.0f}")
    assert verify_response(answer, NOTE, [tsa.root.certificate], at=now()) == stamp


def test_a_token_from_the_future_is_refused(tsa: Authority, response: bytes) -> None:
    with pytest.raises(TimeStampError, match=r"and it is .* clock"):
        verify_response(response, NOTE, [tsa.root.certificate], at=now() - DAY)


def test_a_certificate_for_something_else_makes_no_time_stamps(
    tsa: Authority, response: bytes, tmp_path: Path
) -> None:
    right = issue("Test Other", tsa.middle, usage=ExtendedKeyUsageOID.TIME_STAMPING)
    made = signed_by(response, right, tsa, tmp_path)
    assert verify_response(made, NOTE, [tsa.root.certificate], at=now()).authority == "CN=Test Other"
    web = issue("Test Web Server", tsa.middle, usage=ExtendedKeyUsageOID.SERVER_AUTH)
    lax = issue("Test Lax", tsa.middle, usage=ExtendedKeyUsageOID.TIME_STAMPING, critical=False)
    for wrong in (web, lax):
        answer = signed_by(response, wrong, tsa, tmp_path)
        with pytest.raises(TimeStampError, match="not one for time stamping"):
            verify_response(answer, NOTE, [tsa.root.certificate], at=now())


def test_a_token_that_does_not_name_its_certificate_is_refused(
    tsa: Authority, response: bytes, tmp_path: Path
) -> None:
    right = issue("Test Other", tsa.middle, usage=ExtendedKeyUsageOID.TIME_STAMPING)
    answer = signed_by(response, right, tsa, tmp_path, option="-nosmimecap")
    with pytest.raises(TimeStampError, match="with which certificate"):
        verify_response(answer, NOTE, [tsa.root.certificate], at=now())
    assert not openssl_accepts(answer, NOTE, tsa.roots, tmp_path)
    assert openssl_accepts(signed_by(response, right, tsa, tmp_path), NOTE, tsa.roots, tmp_path)


def test_a_twin_of_the_certificate_with_its_key_and_number_is_refused(
    tsa: Authority, response: bytes, tmp_path: Path
) -> None:
    first = issue("Test Twin", tsa.middle, usage=ExtendedKeyUsageOID.TIME_STAMPING)
    second = issue("Test Twin", tsa.middle, usage=ExtendedKeyUsageOID.TIME_STAMPING, twin=first)
    answer = signed_by(response, first, tsa, tmp_path)
    old, new = (one.certificate.public_bytes(Encoding.DER) for one in (first, second))
    assert verify_response(answer, NOTE, [tsa.root.certificate], at=now()).chain[0] == first.certificate
    assert len(old) == len(new), "the lengths around it need no change"
    with pytest.raises(TimeStampError, match="another certificate"):
        verify_response(answer.replace(old, new), NOTE, [tsa.root.certificate], at=now())


@pytest.mark.parametrize("cut", [0, 1, 2, 30, 400, -1])
def test_a_token_cut_short_is_refused(tsa: Authority, response: bytes, cut: int) -> None:
    with pytest.raises(TimeStampError):
        verify_response(response[:cut], NOTE, [tsa.root.certificate], at=now())


def test_a_token_with_something_behind_it_is_refused(tsa: Authority, response: bytes) -> None:
    with pytest.raises(TimeStampError):
        verify_response(response + b"\0", NOTE, [tsa.root.certificate], at=now())


def test_whatever_bytes_come_they_are_refused_and_nothing_else_happens(
    tsa: Authority, response: bytes
) -> None:
    chance = random.Random(7)
    roots = [tsa.root.certificate]
    good = verify_response(response, NOTE, roots, at=now())
    refused = 0
    for _ in range(2000):
        damaged = bytearray(response)
        damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
        try:
            found = verify_response(bytes(damaged), NOTE, roots, at=now())
        except TimeStampError:
            refused += 1
        else:  # some bytes of the envelope are signed by nobody: what the stamp says is the same
            assert (found.time, found.serial, found.chain) == (good.time, good.serial, good.chain)
    assert refused > 1900
    for size in (0, 1, 10, 1000):
        with pytest.raises(TimeStampError):
            verify_response(chance.randbytes(size), NOTE, roots, at=now())


def test_a_refusal_is_told_with_its_reason(tsa: Authority) -> None:
    with pytest.raises(TimeStampError, match=r"gave no time stamp .*Bad request"):
        verify_response(tsa.reply(b"no request"), NOTE, [tsa.root.certificate], at=now())


def test_without_roots_the_trust_material_is_missing(response: bytes) -> None:
    with pytest.raises(TrustMaterialError):
        verify_response(response, NOTE, [], at=now())
    for pem in (b"", b"no certificate", b"-----BEGIN CERTIFICATE-----\nxx\n-----END CERTIFICATE-----\n"):
        with pytest.raises(TrustMaterialError):
            load_roots(pem)
