"""What is done by hand to store and ledger: a verification names it, and nothing repairs it in silence."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.client import Client
from tests.faults.kinds import EMBEDDED, ENGINES
from tests.faults.oracle import Verdict
from tests.faults.report import TAMPERED
from tests.faults.site import Site
from tests.system.program import CASE

Enter = Callable[..., None]


def flip(site: Site) -> str:
    """One bit of an object that is drawn; gives what a verification must name."""
    path = site.draw.choice(site.program.objects())
    content = bytearray(path.read_bytes())
    content[site.draw.randrange(len(content))] ^= 1 << site.draw.randrange(8)
    path.chmod(0o640)
    path.write_bytes(content)
    return "EX-000"


def delete(site: Site) -> str:
    site.draw.choice(site.program.objects()).unlink()
    return "EX-000"


def cut(site: Site) -> str:
    """The ledger's last entries, with every checkpoint over them."""
    [(last,)] = site.program.query("SELECT max(position) FROM ledger_entry")
    first = site.draw.randint(1, last)
    site.program.execute("DELETE FROM ledger_checkpoint WHERE size > :first", first=first)
    site.program.execute("DELETE FROM ledger_entry WHERE position >= :first", first=first)
    return "ledger"


def edit(site: Site) -> str:
    """One letter of one entry."""
    [(last,)] = site.program.query("SELECT max(position) FROM ledger_entry")
    at = site.draw.randint(0, last)
    entry = site.program.query("SELECT entry FROM ledger_entry ORDER BY position")[at][0]
    changed = json.loads(bytes(entry)) | {"actor": "local-forger"}
    site.program.execute(
        "UPDATE ledger_entry SET entry = :entry WHERE position = :at",
        entry=json.dumps(changed, sort_keys=True, separators=(",", ":")).encode(),
        at=at,
    )
    return str(at)


ATTACKS = (flip, delete, cut, edit)


@pytest.mark.parametrize("site", [EMBEDDED], indirect=True)
@pytest.mark.parametrize("attack", ATTACKS)
def test_what_is_changed_by_hand_is_named_and_not_repaired(
    site: Site, clips: list[Path], happened: Enter, attack: Callable[[Site], str]
) -> None:
    client = prepared(site, clips)
    named = attack(site)
    before = everything(site)
    for _ in range(2):
        done = site.program.run("verify", "archive", check=None)
        assert done.code == (3 if attack is delete else 1), done.out
        assert named in done.out
    site.serve()
    site.kill()
    assert everything(site) == before, "something was repaired without a word"
    happened(TAMPERED, attack.__name__, site.name, 1, told(client))


@pytest.mark.parametrize("site", [EMBEDDED], indirect=True)
def test_a_ledger_that_was_forked_is_caught_by_what_was_published_and_by_what_somebody_kept(
    site: Site, clips: list[Path], happened: Enter
) -> None:
    """Back to the state before the second clip, with the key, and on from there with another one."""
    client = Client(site)
    site.program.open_case()
    site.program.run("submit", clips[0], "--case", CASE, "--wait")
    site.program.run("verify", "archive")
    old = site.folder / "old"
    shutil.copytree(site.program.data, old)
    site.program.run("submit", clips[1], "--case", CASE, "--wait")
    client.send_until_received(clips[:2])
    site.program.run("verify", "archive")
    client.keep_checkpoint()
    for path in site.program.data.glob("catalogue.sqlite3*"):
        path.unlink()
    for path in old.glob("catalogue.sqlite3*"):
        shutil.copy(path, site.program.data)
    site.program.run("submit", clips[2], "--case", CASE, check=None)
    assert site.program.run("verify", "archive", check=None).code == 1
    done = site.program.run("verify", "case", CASE, "--checkpoint", client.seen, check=None)
    assert done.code == 1
    assert "consistency" in done.out
    happened(TAMPERED, "fork", site.name, 1, told(client))


@pytest.mark.parametrize("site", [ENGINES], indirect=True)
@pytest.mark.parametrize("attack", ["version over it", "delete marker"])
def test_what_is_laid_over_an_object_in_s3_is_named_and_not_repaired(
    site: Site, clips: list[Path], happened: Enter, attack: str
) -> None:
    """Object Lock lets no version be changed or deleted: more cannot be done there."""
    client = prepared(site, clips)
    engines = site.engines
    assert engines is not None
    store, key = engines.s3.client(), site.draw.choice(sorted(key for key, _, _ in site.stored()))
    if attack == "delete marker":
        store.remove_object(engines.bucket, key)
    else:
        forged = site.folder / "forged"
        forged.write_bytes(b"forged")
        store.fput_object(engines.bucket, key, str(forged))
    done = site.program.run("verify", "archive", check=None)
    assert done.code == 1
    assert key.split("/")[3] in done.out
    happened(TAMPERED, attack, site.name, 1, told(client))


def prepared(site: Site, clips: list[Path]) -> Client:
    """Three processed clips whose archive verifies."""
    client = Client(site)
    site.program.open_case()
    site.program.run("submit", *clips, "--case", CASE, "--wait")
    client.send_until_received(clips)
    site.program.run("verify", "archive")
    return client


def everything(site: Site) -> tuple[object, ...]:
    """The objects' bytes and the ledger's entries."""
    entries = site.program.query("SELECT position, entry FROM ledger_entry ORDER BY position")
    return {key: content for key, _, content in site.stored()}, entries


def told(client: Client) -> Verdict:
    """Here the loss is what the attack is: what counts is that it was named."""
    return Verdict(len(client.journal.receipts()))
