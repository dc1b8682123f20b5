"""Uploads against a model: created, gone on with, cut, killed, asked for, ended and filed in any order."""

import random
import tempfile
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from evidence.catalogue.upload_chunks import chunks_of
from evidence.catalogue.uploads import EvictedError, UploadState
from ingest.receiving import QuotaError, Receiving
from ingest.spool import sweep_spool
from ingest.uploads import GoneError, OffsetError, ReceivedError
from tests.uploads.conftest import KINDS, new_place
from tests.uploads.desk import Desk, Place, Sender

MOST = 400
COUNTED = {UploadState.COMPLETE, UploadState.FILED}


def bytes_of(seed: int, size: int) -> bytes:
    """Few seeds: some uploads have the same bytes as others."""
    return random.Random(seed).randbytes(size)


@dataclass
class Model:
    """What an upload must be: so many bytes of `content` counted, and its state."""

    id: str
    content: bytes
    offset: int = 0
    state: UploadState = UploadState.RECEIVING
    holder: "Request | None" = None

    def count(self, offset: int) -> None:
        self.offset = offset
        if offset == len(self.content):
            self.state = UploadState.COMPLETE


@dataclass
class Request:
    """One request: its bytes are the right ones as long as it holds the upload."""

    upload: Model
    receiving: Receiving
    is_open: bool = False

    @property
    def holds(self) -> bool:
        return self.upload.holder is self and self.upload.state is UploadState.RECEIVING


@dataclass
class Scene:
    """What a machine works on."""

    place: Place
    desk: Desk = field(init=False)
    sender: Sender = field(init=False)

    def __post_init__(self) -> None:
        self.reopen()
        self.desk.open_case()
        self.sender = self.desk.sender()

    def reopen(self) -> None:
        self.desk = self.place.open()


class Uploading(RuleBasedStateMachine):
    """`scene` is set by the test."""

    scene: Scene
    uploads: "Bundle[Model]" = Bundle("uploads")
    requests: "Bundle[Request]" = Bundle("requests")

    def __init__(self) -> None:
        super().__init__()
        self.all: list[Model] = []
        self.alive: list[Request] = []
        self.scene = self.new_scene()

    def new_scene(self) -> Scene:
        raise NotImplementedError

    @initialize(target=uploads, size=st.integers(1, MOST))
    def first(self, size: int) -> Model:
        return self.create(1, size)

    @rule(target=uploads, seed=st.integers(1, 3), size=st.integers(0, MOST))
    def created(self, seed: int, size: int) -> Model:
        return self.create(seed, size)

    def create(self, seed: int, size: int) -> Model:
        sender = self.scene.sender
        upload = self.scene.desk.uploads.create(sender.grant, sender.submission, b"a/b.mp4", size)
        model = Model(upload.id, bytes_of(seed, size))
        model.count(0)
        self.all.append(model)
        return model

    @rule(target=requests, upload=uploads, data=st.data())
    def taken(self, upload: Model, data: st.DataObject) -> "Request | MultipleResults[Request]":
        """A request goes on, from where the upload is or from somewhere else."""
        offset = data.draw(st.one_of(st.just(upload.offset), st.integers(0, MOST)))
        uploads, grant = self.scene.desk.uploads, self.scene.sender.grant
        if not (upload.state.is_open or upload.state.is_received):
            with pytest.raises(GoneError):
                uploads.take(grant, upload.id, offset)
        elif offset != upload.offset:
            with pytest.raises(OffsetError):
                uploads.take(grant, upload.id, offset)
        elif upload.state.is_received:
            with pytest.raises(ReceivedError):
                uploads.take(grant, upload.id, offset)
        else:
            request = Request(upload, uploads.take(grant, upload.id, offset))
            upload.holder = request
            self.alive.append(request)
            return request
        return multiple()

    @rule(request=requests)
    def opened(self, request: Request) -> None:
        if request not in self.alive or request.is_open:
            return
        if not self.scene.place.shares:
            others = [item for item in self.alive if item.upload is request.upload and item.is_open]
            if others and not request.holds:
                return  # it would wait for the file's lock
            for other in others:  # evicted: they let go of the file
                self.let_go(other)
        if not request.holds:
            with pytest.raises(EvictedError):
                request.receiving.open()
            return
        request.receiving.open()
        request.is_open = True

    def let_go(self, request: Request) -> None:
        request.receiving.close()
        self.alive.remove(request)

    def let_all_go_of(self, upload: Model) -> None:
        """As requests do when they end, before their upload is filed."""
        for request in [item for item in self.alive if item.upload is upload]:
            self.let_go(request)

    @rule(request=requests, size=st.integers(0, MOST))
    def written(self, request: Request, size: int) -> None:
        """By one that holds the upload: what is next; by a stale one: anything but that."""
        if request not in self.alive or not request.is_open:
            return
        start = request.receiving.received
        data = request.upload.content[start : start + size]
        if not request.holds:
            data = bytes(255 - byte for byte in data)
        try:
            request.receiving.write(data)
        except EvictedError:
            assert not request.holds

    @rule(request=requests)
    def too_much(self, request: Request) -> None:
        if request in self.alive and request.is_open and request.holds:
            left = len(request.upload.content) - request.receiving.received
            with pytest.raises(QuotaError):
                request.receiving.write(bytes(left + 1))

    @rule(request=requests)
    def flushed(self, request: Request) -> None:
        if request not in self.alive or not request.is_open:
            return
        before = request.receiving.durable
        try:
            request.receiving.flush()
        except EvictedError:
            assert not request.holds
            return
        if request.holds:
            request.upload.count(request.receiving.durable)
        else:
            assert request.receiving.durable == before, "a stale request was counted"

    @rule(request=requests)
    def killed_before_the_count(self, request: Request) -> None:
        """Its bytes are on the disk or in the store, and then the program dies."""
        if request not in self.alive or not request.is_open:
            return
        try:
            part = request.receiving.cut()
            if part is not None:
                request.receiving.settle(part)
        except EvictedError:
            assert not request.holds
        self.killed()

    @rule()
    def killed(self) -> None:
        """The program dies: nobody goes on with what it had in hand. Another one starts."""
        for request in list(self.alive):
            self.let_go(request)
        self.scene.reopen()

    @rule(upload=uploads)
    def terminated(self, upload: Model) -> None:
        uploads, grant = self.scene.desk.uploads, self.scene.sender.grant
        if upload.state is UploadState.RECEIVING:
            uploads.terminate(grant, upload.id)
            upload.state = UploadState.TERMINATED
            return
        with pytest.raises(ReceivedError if upload.state.is_received else GoneError):
            uploads.terminate(grant, upload.id)

    @rule(upload=uploads)
    def filed(self, upload: Model) -> None:
        self.let_all_go_of(upload)
        assert self.scene.desk.uploads.file(upload.id) is (upload.state is UploadState.COMPLETE)
        if upload.state is UploadState.COMPLETE:
            upload.state = UploadState.FILED

    @rule(upload=uploads)
    def killed_before_it_is_filed(self, upload: Model) -> None:
        """Its bytes have their place, the transaction never comes."""
        if upload.state is UploadState.COMPLETE:
            self.let_all_go_of(upload)
            found = self.scene.desk.upload(upload.id)
            with self.scene.desk.spool.finished(found):
                self.scene.desk.spool.place(upload.id)
        self.killed()

    @rule()
    def swept(self) -> None:
        """By a program that has just started."""
        for upload in self.all:
            self.let_all_go_of(upload)
        self.scene.place.open().uploads.sweep.run_once()
        for upload in self.all:
            if upload.state is UploadState.COMPLETE:
                upload.state = UploadState.FILED

    @rule()
    def sealed(self) -> None:
        self.scene.desk.seal()

    @invariant()
    def the_catalogue_says_what_the_model_says(self) -> None:
        for upload in self.all:
            found = self.scene.desk.upload(upload.id)
            assert (found.offset, found.state) == (upload.offset, upload.state)
            if upload.state.is_open or upload.state.is_received:
                asked = self.scene.desk.uploads.find(self.scene.sender.grant, upload.id)
                assert asked.offset == upload.offset

    @invariant()
    def what_is_counted_is_there(self) -> None:
        for upload in self.all:
            if upload.state in (UploadState.RECEIVING, UploadState.COMPLETE):
                assert self.counted(upload) == upload.content[: upload.offset]

    def counted(self, upload: Model) -> bytes:
        """The durable bytes, read past the program."""
        place = self.scene.place
        if not place.shares:
            path = place.data / "uploads" / upload.id
            return path.read_bytes()[: upload.offset] if path.exists() else b""
        with self.scene.desk.catalogue.read() as connection:
            chunks = chunks_of(connection, upload.id)
        found = b""
        for chunk in chunks:
            with place.store.open(chunk.key, chunk.version_id) as stream:
                found += stream.read()
        return found

    def teardown(self) -> None:
        """Everybody comes back and ends what they began: every file is there once, and nothing else is."""
        self.killed()
        for upload in self.all:
            if upload.state is UploadState.RECEIVING:
                self.scene.sender.send(upload.id, upload.offset, upload.content[upload.offset :])
                upload.count(len(upload.content))
            self.filed(upload)
        self.scene.desk.seal()
        received = [upload for upload in self.all if upload.state is UploadState.FILED]
        expected = {sha256(item.content).hexdigest(): item.content for item in received}
        assert self.scene.desk.sealed() == expected
        assert self.scene.desk.types().count("file.received") == len(received)
        self.scene.place.open().uploads.sweep.run_once()
        sweep_spool(self.scene.desk.catalogue, self.scene.place.data / "spool")  # as a worker does
        assert self.scene.desk.left_behind() == []
        self.scene.place.close()


@pytest.mark.parametrize("kind", KINDS)
def test_uploads_are_as_their_model(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    class Here(Uploading):
        def new_scene(self) -> Scene:
            data = Path(tempfile.mkdtemp(dir=tmp_path)) / "data"
            place = new_place(kind, data, request)
            place.slice_size = 64
            return Scene(place)

    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=8 if "PostgreSQL" in kind else 40,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
