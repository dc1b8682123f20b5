"""Rotation of the key on disk: each step can be the last before a crash, and the old key signs no more."""

import stat
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evidence.errors import TrustMaterialError
from hashing.keys import create_key, load_signer, load_verifier, succession_path, verifier_path
from hashing.note_keys import Signer
from hashing.notes import NoteError, TurnError, open_checkpoint, sign_checkpoint
from hashing.rotation import Rotation, begin_rotation, begun_rotation, end_rotation, hand_over
from hashing.sequencer import Sequencer
from tests.hashing.cases import AT, ORIGIN, event, rotated
from tests.hashing.memory_ledger import MemoryLedger


@dataclass
class Log:
    """A ledger and its key on disk; every step reads the key anew, as after a restart."""

    path: Path
    ledger: MemoryLedger = field(default_factory=MemoryLedger)

    def sequencer(self) -> Sequencer:
        return Sequencer(self.ledger, load_signer(self.path), load_verifier(self.path))

    def grow(self) -> None:
        self.ledger.file(event(f"event-{self.ledger.filed}"))
        self.sequencer().run_all()

    def begin(self) -> bool:
        return begin_rotation(self.path, Rotation(Signer.generate(ORIGIN), "planned", "somebody", AT))

    def go_on(self) -> None:
        rotation = begun_rotation(self.path)
        assert rotation is not None
        former = hand_over(self.path, rotation, lambda: self.sequencer().last_signed())
        if former is not None:
            self.ledger.file(rotated(former.note))
            end_rotation(self.path)
            self.sequencer().run_all()


@pytest.fixture
def log(tmp_path: Path) -> Log:
    create_key(tmp_path / "keys" / "ledger.skey", ORIGIN)
    made = Log(tmp_path / "keys" / "ledger.skey")
    made.grow()
    return made


def test_the_next_key_stands_in_the_old_ones_place(log: Log) -> None:
    old = load_signer(log.path)
    assert log.begin()
    log.go_on()
    new = load_signer(log.path)
    assert new.verifier != old.verifier
    assert load_verifier(log.path).keys == (old.verifier, new.verifier)
    assert stat.S_IMODE(log.path.stat().st_mode) == 0o600
    assert sorted(item.name for item in log.path.parent.iterdir()) == [
        "ledger-1.succession", "ledger.skey", "ledger.vkey",
    ]  # fmt: skip
    seed = old.skey.split("+", 4)[4].encode()  # base64, which may have a plus itself
    assert not any(seed in item.read_bytes() for item in log.path.parent.iterdir()), "the old key is gone"


def test_a_rotation_that_is_begun_is_not_begun_again(log: Log) -> None:
    assert log.begin()
    begun = begun_rotation(log.path)
    assert not log.begin()
    assert begun is not None
    log.go_on()
    assert load_signer(log.path).skey == begun.signer.skey
    assert begun_rotation(log.path) is None


def test_the_next_key_is_readable_by_its_owner_alone(log: Log) -> None:
    log.begin()
    assert stat.S_IMODE(log.path.with_suffix(".rotation").stat().st_mode) == 0o600


def test_a_rotation_whose_file_is_damaged_is_told(log: Log) -> None:
    log.begin()
    log.path.with_suffix(".rotation").write_bytes(b"{}")
    with pytest.raises(TrustMaterialError, match="is damaged"):
        begun_rotation(log.path)


def test_no_key_follows_twice_at_one_size(log: Log) -> None:
    log.begin()
    log.go_on()
    size = log.ledger.size()
    log.begin()
    log.ledger.rows, log.ledger.checkpoints = log.ledger.rows[:1], {1: log.ledger.checkpoints[1]}
    log.ledger.tree = (log.ledger.rows[0].leaf_hash,)
    rotation = begun_rotation(log.path)
    assert rotation is not None
    assert hand_over(log.path, rotation, lambda: log.sequencer().last_signed()) is None
    assert not succession_path(log.path, size).exists()


def test_an_old_key_that_is_put_back_is_refused(log: Log) -> None:
    skey, vkey = log.path.read_bytes(), verifier_path(log.path).read_bytes()
    log.begin()
    log.go_on()
    log.path.write_bytes(skey)
    with pytest.raises(TrustMaterialError, match="two halves"):
        load_signer(log.path)
    verifier_path(log.path).write_bytes(vkey)
    with pytest.raises(TrustMaterialError, match="two halves"):
        load_signer(log.path)
    succession_path(log.path, 1).unlink()  # now all looks as before, but the ledger is signed by another key
    log.ledger.file(event("late"))
    with pytest.raises(NoteError, match="no signature"):
        log.sequencer().run_all()


def test_a_damaged_succession_beside_the_key_is_missing_trust_material(log: Log) -> None:
    log.begin()
    log.go_on()
    succession_path(log.path, 1).write_bytes(b"damaged")
    with pytest.raises(TrustMaterialError, match="do not belong together"):
        load_verifier(log.path)


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.sampled_from(["grow", "rotate", "begin", "go on"]), max_size=12))
def test_whatever_is_done_each_size_has_one_key_and_every_key_vouches_for_all(
    steps: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("log") / "ledger.skey"
    signers = [create_key(path, ORIGIN)]
    log = Log(path)
    log.grow()
    for step in steps:
        if step in ("rotate", "begin"):
            log.begin()
        if step in ("rotate", "go on") and begun_rotation(path):
            log.go_on()
            signers.append(load_signer(path))
        if step == "grow":
            log.grow()
    verifier = load_verifier(path)
    assert verifier.keys == tuple(signer.verifier for signer in signers)
    for note in log.ledger.checkpoints.values():
        checkpoint = open_checkpoint(note, verifier)
        turn = verifier.signing(checkpoint.size)
        for signer in signers:
            forged = sign_checkpoint(checkpoint, signer)
            if signer.verifier == turn:
                assert open_checkpoint(forged, verifier) == checkpoint
            else:
                with pytest.raises(TurnError):
                    open_checkpoint(forged, verifier)
