"""The client: hands files in, writes down what it is told, and tries again as a person does."""

import json
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

from tests.faults.kinds import Fault
from tests.faults.oracle import Journal, Verdict, judge
from tests.faults.site import Site
from tests.system.program import CASE


class Client:
    """One person with some files."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.journal = Journal(site.folder / "journal")
        self.seen = site.folder / "checkpoint-seen"

    def send(self, *paths: Path) -> None:
        """One call of `submit`, whatever comes of it; what it acknowledges is written down."""
        done = self.site.program.run("submit", *paths, "--case", CASE, "--json", check=None, timeout=300)
        # 0 all, 3 some quarantined, 4 not all received; each other end would be a defect.
        assert done.code in (0, 3, 4), f"{done.code}: {done.out}{done.err}"
        if done.out.strip():
            self.journal.note(json.loads(done.out))

    def send_until_received(self, paths: Sequence[Path], seconds: float = 240) -> None:
        deadline = time.monotonic() + seconds
        while missing := [path for path in paths if not self.has_receipt(path)]:
            assert time.monotonic() < deadline, f"never received: {missing}"
            self.send(*missing)

    def send_one_by_one(self, paths: Sequence[Path]) -> None:
        for path in paths:
            self.send_until_received([path])

    def has_receipt(self, path: Path) -> bool:
        digest = sha256(path.read_bytes()).hexdigest()
        return any(receipt.sha256 == digest for receipt in self.journal.receipts())

    def keep_checkpoint(self) -> None:
        """Take down the ledger's head, as somebody outside does."""
        self.seen.write_text(self.site.program.run("ledger", "head").out)

    def judge(self, *, ended: int = 0) -> Verdict:
        """The ledger's newest events are sequenced by who verifies, once nobody else works."""
        self.site.kill()
        return judge(self.site, self.journal, self.seen, ended=ended)


def strike(site: Site, faults: Sequence[Fault], clips: Sequence[Path]) -> tuple[list[int], Verdict]:
    """Hand in clips while the faults strike at drawn moments; how often each did, and the verdict.

    Where none did, since the work was done before, more clips are handed in: three times at most.
    """
    client, site.clips = Client(site), list(clips)
    site.program.open_case()
    client.send_until_received(clips[:1])
    client.keep_checkpoint()
    site.serve()
    happened = _strike_while_sending(client, faults, clips[1:])
    for number in range(3):
        if not any(happened):
            more = _others(site, clips, number)
            happened += _strike_while_sending(client, faults, more)
            site.clips += more
    assert all(client.has_receipt(clip) for clip in site.clips)
    if "quarantined" in site.settle(len(site.clips)):
        # Three crashes of one job: told, and taken up again by hand.
        assert site.program.run("queue", "status", "--json").json["troubled"]
        site.program.run("queue", "retry")
        site.settle(len(site.clips))
    verdict = client.judge()
    if site.states() != ["processed"] * len(site.clips):
        verdict.wrong.append(f"states: {site.states()}")
    return happened, verdict


def _strike_while_sending(client: Client, faults: Sequence[Fault], clips: Sequence[Path]) -> list[int]:
    happened = []
    with ThreadPoolExecutor(1) as pool:
        sending = pool.submit(client.send_one_by_one, clips)
        for fault in faults:
            time.sleep(client.site.draw.uniform(0, 2.5))
            happened.append(fault.act(client.site))
        sending.result()
    return happened


def _others(site: Site, clips: Sequence[Path], number: int) -> list[Path]:
    """The clips with a box more that no player looks at: other exhibits."""
    made = [site.folder / f"other{number}-{clip.name}" for clip in clips]
    for path, clip in zip(made, clips, strict=True):
        path.write_bytes(clip.read_bytes() + b"\0\0\0\x09free%d" % number)
    return made
