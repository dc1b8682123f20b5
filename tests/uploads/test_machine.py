"""Uploads against a model: created, gone on with, cut, killed, asked for, ended and filed in any order."""

import random
import tempfile
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
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
    content: bytes = field(repr=False)
    offset: int = 0
    state: UploadState = UploadState.RECEIVING
    holder: "Request | None" = field(default=None, repr=False)

    def count(self, offset: int) -> None:
        self.offset = offset
        if offset == len(self.content):
            self.state = UploadState.COMPLETE


@dataclass
class Request:
    """One request: its bytes are the right ones as long as it holds the upload."""

    upload: Model
    receiving: Receiving = field(repr=False)
    is_open: bool = False
    waits: bool = False  # something was written since the last flush

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
    """Few uploads and many requests, so that requests of the same upload meet."""

    def __init__(self) -> None:
        super().__init__()
        self.all: list[Model] = []
        self.alive: list[Request] = []
        self.scene = self.new_scene()

    def new_scene(self) -> Scene:
        raise NotImplementedError

    @initialize()
    def first(self) -> None:
        self.created(1, MOST)

    @precondition(lambda self: len(self.all) < 3)
    @rule(seed=st.integers(1, 3), size=st.integers(0, MOST))
    def created(self, seed: int, size: int) -> None:
        sender = self.scene.sender
        upload = sender.desk.uploads.create(sender.grant, sender.submission, b"a/b.mp4", size)
        model = Model(upload.id, bytes_of(seed, size))
        model.count(0)
        self.all.append(model)

    @rule(data=st.data())
    def taken(self, data: st.DataObject) -> None:
        """A request goes on from where the upload is."""
        upload = data.draw(st.sampled_from(self.all))
        uploads, grant = self.scene.desk.uploads, self.scene.sender.grant
        if upload.state is UploadState.RECEIVING:
            request = Request(upload, uploads.take(grant, upload.id, upload.offset))
            upload.holder = request
            self.alive.append(request)
            return
        with pytest.raises(ReceivedError if upload.state.is_received else GoneError):
            uploads.take(grant, upload.id, upload.offset)

    @rule(data=st.data(), offset=st.integers(0, MOST))
    def taken_from_elsewhere(self, data: st.DataObject, offset: int) -> None:
        upload = data.draw(st.sampled_from(self.all))
        if offset != upload.offset and (upload.state.is_open or upload.state.is_received):
            with pytest.raises(OffsetError):
                self.scene.desk.uploads.take(self.scene.sender.grant, upload.id, offset)

    @precondition(lambda self: self.alive)
    @rule(data=st.data())
    def opened(self, data: st.DataObject) -> None:
        request = data.draw(st.sampled_from(self.alive))
        if request.is_open:
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

    def an_open_one(self, data: st.DataObject) -> Request | None:
        request: Request = data.draw(st.sampled_from(self.alive))
        return request if request.is_open else None

    @precondition(lambda self: self.alive)
    @rule(data=st.data(), size=st.integers(1, MOST))
    def written(self, data: st.DataObject, size: int) -> None:
        """By one that holds the upload: what is next; by a stale one: anything but that."""
        request = self.an_open_one(data)
        if request is None:
            return
        start = request.receiving.received
        sent = request.upload.content[start : start + size]
        request.receiving.write(sent if request.holds else bytes(255 - byte for byte in sent))
        request.waits = request.waits or bool(sent)

    @precondition(lambda self: self.alive)
    @rule(data=st.data())
    def too_much(self, data: st.DataObject) -> None:
        request = self.an_open_one(data)
        if request is not None:
            with pytest.raises(QuotaError):
                request.receiving.write(bytes(MOST + 1))

    @precondition(lambda self: self.alive)
    @rule(data=st.data())
    def flushed(self, data: st.DataObject) -> None:
        request = self.an_open_one(data)
        if request is None:
            return
        waits, request.waits = request.waits, False
        if waits and not request.holds:
            with pytest.raises(EvictedError):
                request.receiving.flush()
            return
        request.receiving.flush()
        if request.holds:
            request.upload.count(request.receiving.durable)

    @rule(how=st.sampled_from(["at once", "before the count", "before it is filed", "not", "not", "not"]))
    def killed(self, how: str) -> None:
        """The program dies: nobody goes on with what it had in hand. Another one starts."""
        if how == "not":
            return
        if how == "before the count":  # bytes are on the disk or in the store
            for request in self.alive:
                if request.is_open and (part := request.receiving.cut()) is not None:
                    request.receiving.settle(part)
        for request in list(self.alive):
            self.let_go(request)
        if how == "before it is filed":  # bytes have their place, the transaction never comes
            for upload in self.all:
                if upload.state is UploadState.COMPLETE:
                    with self.scene.desk.spool.finished(self.scene.desk.upload(upload.id)):
                        self.scene.desk.spool.place(upload.id)
        self.scene.reopen()

    @rule(data=st.data(), really=st.integers(0, 5))
    def terminated(self, data: st.DataObject, really: int) -> None:
        upload = data.draw(st.sampled_from(self.all))
        uploads, grant = self.scene.desk.uploads, self.scene.sender.grant
        if upload.state is not UploadState.RECEIVING:
            with pytest.raises(ReceivedError if upload.state.is_received else GoneError):
                uploads.terminate(grant, upload.id)
        elif not really:
            uploads.terminate(grant, upload.id)
            upload.state = UploadState.TERMINATED

    @rule(data=st.data())
    def filed(self, data: st.DataObject) -> None:
        self.file(data.draw(st.sampled_from(self.all)))

    def file(self, upload: Model) -> None:
        if upload.state is UploadState.COMPLETE:
            self.let_all_go_of(upload)
        assert self.scene.desk.uploads.file(upload.id) is (upload.state is UploadState.COMPLETE)
        if upload.state is UploadState.COMPLETE:
            upload.state = UploadState.FILED

    @rule(then_seal=st.booleans())
    def swept(self, then_seal: bool) -> None:
        """By a program that has just started."""
        for upload in self.all:
            if upload.state is UploadState.COMPLETE:
                self.let_all_go_of(upload)
        self.scene.place.open().uploads.sweep.run_once()
        for upload in self.all:
            if upload.state is UploadState.COMPLETE:
                upload.state = UploadState.FILED
        if then_seal:
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
        self.killed("at once")
        for upload in self.all:
            if upload.state is UploadState.RECEIVING:
                self.scene.sender.send(upload.id, upload.offset, upload.content[upload.offset :])
                upload.count(len(upload.content))
            self.file(upload)
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
            max_examples=8 if "PostgreSQL" in kind else 25,
            stateful_step_count=50,
            deadline=None,
            phases=(
                Phase.explicit,
                Phase.reuse,
                Phase.generate,
            ),  # ids are new each time: no shrinking
            suppress_health_check=list(HealthCheck),
        ),
    )
