import stat
import subprocess
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

import pytest

from evidence.errors import ConflictError, TrustMaterialError, UsageError
from hashing.keys import create_key, fingerprint, load_signer, load_verifier, public_pem, verifier_path
from hashing.note_keys import Signer


def test_a_key_is_made_once_with_its_public_half_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "ledger.skey"
    made = create_key(path, "vidne.example/log")
    assert (load_signer(path).skey, load_verifier(path)) == (made.skey, made.verifier)
    assert verifier_path(path) == tmp_path / "keys" / "ledger.vkey"
    assert sorted(item.name for item in path.parent.iterdir()) == ["ledger.skey", "ledger.vkey"]
    with pytest.raises(ConflictError):
        create_key(path, "vidne.example/log")
    assert load_signer(path).skey == made.skey


def test_only_its_owner_may_read_the_private_half(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "ledger.skey"
    create_key(path, "log")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_of_many_who_make_it_at_once_one_does(tmp_path: Path) -> None:
    path = tmp_path / "ledger.skey"

    def attempt(_: int) -> Signer | None:
        try:
            return create_key(path, "log")
        except ConflictError:
            return None

    with ThreadPoolExecutor(8) as pool:
        made = [signer for signer in pool.map(attempt, range(24)) if signer]
    assert [signer.skey for signer in made] == [load_signer(path).skey]


def test_what_a_crash_kept_from_being_written_is_written_with_the_next_use(tmp_path: Path) -> None:
    path = tmp_path / "ledger.skey"
    made = create_key(path, "log")
    verifier_path(path).unlink()
    with pytest.raises(TrustMaterialError):
        load_verifier(path)
    load_signer(path)
    assert load_verifier(path) == made.verifier


def test_a_lost_private_half_is_not_replaced_in_silence(tmp_path: Path) -> None:
    path = tmp_path / "ledger.skey"
    create_key(path, "log")
    path.unlink()
    with pytest.raises(TrustMaterialError, match="could not be read"):
        load_signer(path)
    with pytest.raises(ConflictError, match="is missing"):
        create_key(path, "log")


def test_two_halves_of_different_keys_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "ledger.skey"
    create_key(path, "log")
    verifier_path(path).write_text(Signer.generate("log").verifier.vkey)
    with pytest.raises(TrustMaterialError, match="two halves"):
        load_signer(path)


def test_a_damaged_key_is_missing_trust_material(tmp_path: Path) -> None:
    path = tmp_path / "ledger.skey"
    create_key(path, "log")
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(TrustMaterialError):
        load_signer(path)


def test_a_name_that_cannot_be_one_leaves_no_key(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        create_key(tmp_path / "ledger.skey", "two words")
    assert list(tmp_path.iterdir()) == []


def test_openssl_reads_the_pem_and_finds_the_same_fingerprint(tmp_path: Path) -> None:
    verifier = create_key(tmp_path / "ledger.skey", "vidne.example/log").verifier
    command = ["openssl", "pkey", "-pubin", "-outform", "DER"]
    der = subprocess.run(command, input=public_pem(verifier), capture_output=True, check=True).stdout
    assert sha256(der).hexdigest() == fingerprint(verifier)
    assert der.endswith(verifier.public)
