"""Uploads that are cut, killed, doubled, forbidden and refused in their middle: the same bytes in the end."""

import io
import random
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from threading import Barrier
from typing import Any

import httpx
import psycopg
import pytest
from tusclient.client import TusClient
from tusclient.uploader.uploader import Uploader

from tests.databases import PostgresServer, postgres_server
from tests.disks import fill, small_disk
from tests.faulty_http import busy, faulty_proxy
from tests.servers import S3Server
from tests.uploads.conftest import many_machines
from tests.uploads.network import relay
from tests.uploads.portal import House, Portal, Sender, pieces
from tests.uploads.test_tus import error_of, fresh

MIB = 1 << 20


def uploader(sender: Sender, content: bytes, url: str = "", **options: Any) -> Uploader:
    """tuspy, as it comes; the content as a stream, for of a path it leaves files open."""
    client = TusClient(f"{url or sender.url}/files", headers={"Vidne-Link": sender.code})
    metadata = {"filename": "clip.mp4", "submission": sender.submission}
    return client.uploader(file_stream=io.BytesIO(content), metadata=metadata, **options)


def stalled(content: bytes, ready: threading.Event, go_on: threading.Event) -> Iterator[bytes]:
    """A body that stops in its middle until it is told to go on."""
    half = len(content) // 2
    yield from pieces(content[:half], 65536)
    ready.set()
    go_on.wait(60)
    yield from pieces(content[half:], 65536)


def wait_for_offset(sender: Sender, place: str, least: int, seconds: float = 30) -> int:
    deadline = time.monotonic() + seconds
    while (offset := sender.offset(place)) < least:
        assert time.monotonic() < deadline, f"it stands at {offset}"
        time.sleep(0.05)
    return offset


@pytest.mark.parametrize("options", [{}, {"chunk_size": 300_001}, {"upload_checksum": True}], ids=str)
def test_tuspy_sends_a_file(house: House, sender: Sender, options: dict[str, Any]) -> None:
    content = fresh(3_000_000)
    uploader(sender, content, **options).upload()
    house.await_exhibit(content)


def test_an_upload_that_is_cut_fifty_times_is_the_same_file(
    portal: Portal, house: House, sender: Sender
) -> None:
    content = fresh(20_000_000)
    draw = random.Random(6)

    with relay(portal.address, lambda: draw.randrange(150_000, 300_000) if net.cuts < 50 else None) as net:
        sending = uploader(sender, content, net.url, retries=1000, retry_delay=0)
        while True:  # tuspy itself gives up where it cannot ask how far it is
            try:
                sending.upload()
            except Exception as error:  # noqa: BLE001 - a cut may show itself in any way
                print(f"cut: {type(error).__name__}")
            if sending.url and sending.offset == len(content):
                break
            if sending.url:
                sending.offset = sender.offset(sending.url.replace(net.url, ""))
        assert net.cuts == 50
    house.await_exhibit(content)


def test_what_arrived_before_a_cut_is_kept(house: House, sender: Sender) -> None:
    content = fresh(2_000_000)
    place = sender.create(len(content))
    with relay_once(sender, 1_500_000) as (cut, url):
        with pytest.raises(httpx.TransportError):
            Sender(url, sender.code, sender.submission).patch(place, 0, content)
        assert cut()
    offset = wait_for_offset(sender, place, 1_000_000)
    assert sender.patch(place, offset, content[offset:]).status_code == 204
    house.await_exhibit(content)


class relay_once:  # noqa: N801 - used as a context manager function is
    """A relay that cuts its first connection after `allowance` bytes: whether it did, and its address."""

    def __init__(self, sender: Sender, allowance: int) -> None:
        url = httpx.URL(sender.url)
        assert url.port
        left = iter([allowance])
        self._relay = relay((url.host, url.port), lambda: next(left, None))

    def __enter__(self) -> tuple[Callable[[], bool], str]:
        net = self._relay.__enter__()
        return lambda: net.cuts == 1, net.url

    def __exit__(self, *error: object) -> None:
        self._relay.__exit__(None, None, None)


def test_a_server_killed_in_the_middle_of_a_request_goes_on_with_the_same_bytes(
    portal: Portal, house: House, sender: Sender
) -> None:
    content = fresh(160 * MIB)
    place, lost = sender.create(len(content)), []
    for _ in range(4):
        offset = sender.offset(place)
        with ThreadPoolExecutor(1) as pool:
            slow = pool.submit(sender.patch, place, offset, pieces(content[offset:], 262_144, 0.004))
            reached = wait_for_offset(sender, place, offset + 9 * MIB)
            time.sleep(random.uniform(0, 0.1))
            portal.kill()
            with pytest.raises(httpx.TransportError):
                slow.result()
        portal.start()
        assert sender.offset(place) >= reached, "bytes that were durable are lost"
        lost.append(sender.offset(place))
    assert lost == sorted(lost)
    offset = sender.offset(place)
    assert offset < len(content), "it was sent before it could be killed"
    assert sender.patch(place, offset, content[offset:]).status_code == 204
    house.await_exhibit(content)


def test_a_file_that_was_received_is_filed_after_a_kill(portal: Portal, house: House, sender: Sender) -> None:
    """Killed at once: it is filed before, or by the sweep of the server that starts."""
    for _ in range(3):
        content = fresh(30 * MIB)
        place = sender.create(len(content))
        assert sender.patch(place, 0, content).status_code == 204
        portal.kill()
        portal.start()
        house.await_exhibit(content)
    events = house.rows("SELECT event_id FROM ledger_inbox WHERE type = 'file.received'")
    assert len(events) == len(set(events))


def test_offsets_are_made_durable_while_a_long_request_goes_on(house: House, sender: Sender) -> None:
    content = fresh(64 * MIB)
    place = sender.create(len(content))
    ready, go_on = threading.Event(), threading.Event()
    with ThreadPoolExecutor(1) as pool:
        sending = pool.submit(sender.patch, place, 0, stalled(content, ready, go_on))
        assert ready.wait(60)
        assert 16 * MIB <= wait_for_offset(sender, place, 16 * MIB) <= 32 * MIB
        go_on.set()
        assert sending.result().status_code == 204
    house.await_exhibit(content)


def test_of_two_requests_at_once_one_goes_on_and_the_other_is_told(house: House, sender: Sender) -> None:
    content = fresh(8 * MIB)
    place = sender.create(len(content))
    barrier = Barrier(2)

    def send(_number: int) -> httpx.Response | None:
        barrier.wait()
        try:
            return sender.patch(place, 0, pieces(content, 65536))
        except httpx.TransportError:
            return None  # told, and hung up on while it was sending

    with ThreadPoolExecutor(2) as pool:
        replies = list(pool.map(send, range(2)))
    codes = [reply.status_code if reply is not None else 409 for reply in replies]
    assert sorted(codes) == [204, 409]
    assert sender.offset(place) == len(content)
    house.await_exhibit(content)


def test_a_request_that_hangs_is_evicted_at_once_and_its_bytes_never_land(
    house: House, sender: Sender
) -> None:
    content, wrong = fresh(2_000_000), fresh(2_000_000)
    place = sender.create(len(content))
    ready, go_on = threading.Event(), threading.Event()
    with ThreadPoolExecutor(1) as pool:
        stale = pool.submit(sender.patch, place, 0, stalled(wrong, ready, go_on))
        assert ready.wait(60)
        began = time.monotonic()
        assert sender.patch(place, 0, content[:100_000]).status_code == 204
        assert time.monotonic() - began < 3
        go_on.set()
        try:
            assert error_of(stale.result()) == "evicted"
        except httpx.TransportError as error:
            print(f"hung up on: {error}")
    assert sender.offset(place) == 100_000
    assert sender.patch(place, 100_000, content[100_000:]).status_code == 204
    house.await_exhibit(content)


def test_a_revoked_link_stops_an_upload_in_its_middle(portal: Portal, house: House) -> None:
    code = house.link()
    sender = Sender.begin(portal.url, code)
    place = sender.create(64 * MIB)
    ready, go_on = threading.Event(), threading.Event()
    with ThreadPoolExecutor(1) as pool:
        sending = pool.submit(sender.patch, place, 0, stalled(bytes(64 * MIB), ready, go_on))
        assert ready.wait(60)
        wait_for_offset(sender, place, 16 * MIB)
        house.revoke(code)
        go_on.set()
        try:
            assert error_of(sending.result()) == "link"
        except httpx.TransportError as error:
            print(f"hung up on: {error}")
    assert sender.head(place).status_code == 404
    upload_id = place.rpartition("/")[2]
    rows = house.rows('SELECT id, "offset" FROM upload')
    assert dict(rows)[upload_id] <= 48 * MIB, "it went on after it was forbidden"


@pytest.fixture
def machines(
    postgres: PostgresServer, s3: S3Server, tmp_path: Path
) -> Iterator[tuple[Portal, Portal, Sender, House]]:
    """Two portals that share a catalogue and a store, each with a data folder of its own."""
    settings = many_machines(tmp_path, postgres, s3)
    one, two = (Portal(tmp_path / name, settings).start() for name in ("one", "two"))
    house = House.of(one)
    yield one, two, Sender.begin(one.url, house.link()), house
    one.close()
    two.close()


def test_any_machine_goes_on_with_an_upload(machines: tuple[Portal, Portal, Sender, House]) -> None:
    one, two, sender, house = machines
    content = fresh(40 * MIB)
    place = sender.create(len(content))
    elsewhere = Sender(two.url, sender.code, sender.submission)
    assert sender.patch(place, 0, content[: 17 * MIB]).status_code == 204
    one.kill()
    assert elsewhere.offset(place) == 17 * MIB
    assert elsewhere.patch(place, 17 * MIB, content[17 * MIB : 30 * MIB]).status_code == 204
    one.start()
    assert sender.patch(place, 30 * MIB, content[30 * MIB :]).status_code == 204
    house.await_exhibit(content)


def test_a_request_on_one_machine_is_evicted_by_one_on_another(
    machines: tuple[Portal, Portal, Sender, House],
) -> None:
    _, two, sender, house = machines
    content, wrong = fresh(40 * MIB), fresh(40 * MIB)
    place = sender.create(len(content))
    elsewhere = Sender(two.url, sender.code, sender.submission)
    ready, go_on = threading.Event(), threading.Event()
    with ThreadPoolExecutor(1) as pool:
        stale = pool.submit(sender.patch, place, 0, stalled(wrong[: 12 * MIB], ready, go_on))
        assert ready.wait(60)
        assert elsewhere.patch(place, 0, content).status_code == 204
        go_on.set()
        assert error_of(stale.result()) == "evicted"
    house.await_exhibit(content)


def test_a_locked_catalogue_is_told_and_waited_for(house: House, portal: Portal, sender: Sender) -> None:
    content = fresh()
    place = sender.create(len(content))
    unlock = lock(portal)
    try:
        began = time.monotonic()
        for reply in (sender.patch(place, 0, content), sender.try_create(10)):
            assert (reply.status_code, error_of(reply)) == (503, "unavailable")
            assert int(reply.headers["Retry-After"]) > 0
        assert time.monotonic() - began < 30
    finally:
        unlock()
    assert sender.patch(place, sender.offset(place), content).status_code == 204
    house.await_exhibit(content)


def lock(portal: Portal) -> Callable[[], None]:
    """Keep anybody from writing into the catalogue; returns what lets them again."""
    url = portal.settings.get("VIDNE_CATALOGUE_URL")
    if url:
        server = psycopg.connect(url)
        server.execute("LOCK TABLE upload, link_submission IN EXCLUSIVE MODE")
        return server.close
    file = sqlite3.connect(portal.data / "catalogue.sqlite3", isolation_level=None, timeout=30)
    file.execute("BEGIN IMMEDIATE")
    return file.close


def test_a_database_that_is_away_is_told_and_waited_for(s3: S3Server, tmp_path: Path) -> None:
    """A server of this test's own, for it is stopped."""
    with postgres_server() as server:
        portal = Portal(tmp_path / "data", many_machines(tmp_path, server, s3)).start()
        try:
            house = House.of(portal)
            sender = Sender.begin(portal.url, house.link())
            content = fresh(40 * MIB)
            place = sender.create(len(content))
            assert sender.patch(place, 0, content[: 20 * MIB]).status_code == 204
            server.stop(signal.SIGQUIT)
            reply = sender.patch(place, 20 * MIB, content[20 * MIB :])
            assert (reply.status_code, error_of(reply)) == (503, "unavailable")
            server.start()
            assert sender.offset(place) == 20 * MIB
            assert sender.patch(place, 20 * MIB, content[20 * MIB :]).status_code == 204
            house.await_exhibit(content)
        finally:
            portal.close()


def test_a_store_that_is_away_is_told_and_waited_for(
    postgres: PostgresServer, s3: S3Server, tmp_path: Path
) -> None:
    with faulty_proxy(s3.endpoint) as proxy:
        settings = many_machines(tmp_path, postgres, s3)
        bucket = settings["VIDNE_STORE_URL"].rpartition("/")[2]
        settings["VIDNE_STORE_URL"] = f"s3+http://{proxy.endpoint}/{bucket}"
        portal = Portal(tmp_path / "data", settings).start()
        try:
            house = House.of(portal)
            sender = Sender.begin(portal.url, house.link())
            content = fresh(20 * MIB)
            place = sender.create(len(content))
            proxy.on(f"PUT /{bucket}/uploads/", busy, 5)
            reply = sender.patch(place, 0, content)
            assert (reply.status_code, error_of(reply)) == (503, "unavailable")
            proxy.faults.clear()
            offset = sender.offset(place)
            assert sender.patch(place, offset, content[offset:]).status_code == 204
            house.await_exhibit(content)
        finally:
            portal.close()


def test_a_full_disk_keeps_what_is_durable_and_goes_on_when_there_is_room(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 192 * MIB) as disk:
        portal = Portal(disk / "data").start()
        try:
            house = House.of(portal)
            sender = Sender.begin(portal.url, house.link())
            content = fresh(60 * MIB)
            place = sender.create(len(content))
            ballast = fill(disk, leave=50 * MIB)
            reply = sender.patch(place, 0, content)
            assert (reply.status_code, error_of(reply)) == (507, "full")
            durable = sender.offset(place)
            lying = (disk / "data" / "uploads" / place.rpartition("/")[2]).read_bytes()
            assert 8 * MIB <= durable <= len(lying)
            assert lying[:durable] == content[:durable]
            refused = sender.try_create(100 * MIB)
            assert (refused.status_code, error_of(refused)) == (507, "full")
            ballast.unlink()
            assert sender.patch(place, durable, content[durable:]).status_code == 204
            house.await_exhibit(content)
            ((digest,),) = house.rows("SELECT sha256 FROM exhibit")
            assert digest == sha256(content).hexdigest()
        finally:
            portal.close()
