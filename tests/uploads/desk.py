"""Uploads worked on from inside this process: both spools, both catalogues, the real rows of links."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from evidence.catalogue.cases import close_case, find_case, open_case
from evidence.catalogue.engine import Catalogue
from evidence.catalogue.exhibits import Exhibit, list_exhibits
from evidence.catalogue.jobs import Lane
from evidence.catalogue.leases import Lease, take_jobs
from evidence.catalogue.link_submissions import end_link_submission
from evidence.catalogue.postgres import open_server_catalogue
from evidence.catalogue.sqlite import open_catalogue
from evidence.catalogue.uploads import Upload, get_upload
from evidence.clock import timestamp
from evidence.links import Grant, LinkKind
from evidence.ports import ObjectStore
from ingest import link_submissions, links
from ingest.declaration import current_version, declaration
from ingest.links import NewLink, grant_of
from ingest.pipeline import Pipeline
from ingest.upload_filing import Filer
from ingest.upload_folder import FolderUploads
from ingest.upload_spool import UploadSpool
from ingest.upload_store import StoreUploads
from ingest.upload_sweep import UploadSweep
from ingest.uploads import Uploads

NUMBER = "0100-10293-00001-26"
SLOTS = {Lane.FAST: 2, Lane.SLOW: 1}
KEPT = timedelta(hours=168)


class Hands:
    """A wall clock and a monotonic one, both moved by hand."""

    def __init__(self) -> None:
        self.wall = datetime.now(UTC)
        self.seconds = 0.0

    def __call__(self) -> datetime:
        return self.wall

    def monotonic(self) -> float:
        return self.seconds

    def pass_by(self, **time: float) -> None:
        """Time passes for both."""
        self.wall += timedelta(**time)
        self.seconds += timedelta(**time).total_seconds()


@dataclass
class Place:
    """What an installation stands on; each `open` is one more program on it."""

    data: Path
    store: ObjectStore
    shares: bool  # the bytes of uploads lie in the store
    url: str = ""  # of PostgreSQL
    clock: Hands = field(default_factory=Hands)
    opened: list[Catalogue] = field(default_factory=list)
    slice_size: int = 1 << 20

    def catalogue(self) -> Catalogue:
        path = self.data / "catalogue.sqlite3"
        self.opened.append(open_server_catalogue(self.url) if self.url else open_catalogue(path))
        return self.opened[-1]

    def open(self) -> "Desk":
        catalogue = self.catalogue()
        spool: UploadSpool
        if self.shares:
            spool = StoreUploads(catalogue, self.store, self.data / "uploads")
        else:
            spool = FolderUploads(self.data / "uploads", self.data / "spool")
        spool.slice_size = self.slice_size
        filer = Filer(catalogue, spool, clock=self.clock)
        sweep = UploadSweep(catalogue, spool, filer, clock=self.clock, monotonic=self.clock.monotonic)
        uploads = Uploads(catalogue, spool, filer, sweep, clock=self.clock, kept=KEPT, largest=1 << 40)
        return Desk(self, catalogue, spool, uploads)

    def close(self) -> None:
        for catalogue in self.opened:
            catalogue.close()


@dataclass
class Desk:
    """One program at work on a place."""

    place: Place
    catalogue: Catalogue
    spool: UploadSpool
    uploads: Uploads

    @property
    def now(self) -> str:
        return timestamp(self.place.clock())

    def open_case(self) -> str:
        with self.catalogue.write() as connection:
            return open_case(connection, NUMBER, self.now).id

    def close_case(self) -> None:
        with self.catalogue.write() as connection:
            close_case(connection, find_case(connection, NUMBER), self.now)

    def link(self, *, files: int = 100, size: int = 1 << 40, kind: LinkKind = LinkKind.PERSONAL) -> str:
        """The code of a new link into the case."""
        expires = timestamp(self.place.clock() + timedelta(days=400))
        new = NewLink(kind, ("da",), expires, 100, files, size)
        with self.catalogue.write() as connection:
            case_id = find_case(connection, NUMBER).id
            return links.create(connection, case_id, new, "tester", self.now)[1]

    def submission(self, code: str) -> str:
        shown = declaration(current_version(), "da")
        with self.catalogue.write() as connection:
            return link_submissions.begin(connection, code, shown, "", "", self.now).id

    def end(self, submission_id: str) -> None:
        with self.catalogue.write() as connection:
            end_link_submission(connection, submission_id, self.now)

    def grant(self, code: str) -> Grant:
        with self.catalogue.read() as connection:
            return grant_of(connection, code, self.now)

    def sender(self, **limits: Any) -> "Sender":
        """Somebody with a link and a submission of their own."""
        code = self.link(**limits)
        return Sender(self, code, self.grant(code), self.submission(code))

    def upload(self, upload_id: str) -> Upload:
        with self.catalogue.read() as connection:
            found = get_upload(connection, upload_id)
        assert found is not None
        return found

    def exhibits(self) -> list[Exhibit]:
        with self.catalogue.read() as connection:
            return list_exhibits(connection)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with self.catalogue.read() as connection:
            return [tuple(row) for row in connection.exec_driver_sql(sql)]

    def types(self) -> list[str]:
        """The types of the custody events, in order."""
        return [kind for (kind,) in self.rows("SELECT type FROM ledger_inbox ORDER BY id")]

    def seal(self, until: Callable[[Lease], bool] = lambda lease: lease.stage != "seal") -> None:
        """Run the jobs that are ready up to one that `until` names."""
        pipeline = Pipeline(
            self.catalogue,
            self.place.store,
            spool=self.place.data / "spool",
            work=self.place.data / "work",
            clock=self.place.clock,
        )
        while True:
            with self.catalogue.write() as connection:
                leases = take_jobs(connection, "w1", SLOTS, self.now, self.now)
            if not leases or all(until(lease) for lease in leases):
                return
            for lease in leases:
                if not until(lease):
                    pipeline.run(lease.job_id, lease.token)

    def left_behind(self) -> list[str]:
        """Bytes that lie where uploads come in."""
        chunks = list(self.place.store.list_keys("uploads/"))
        folders = (self.place.data / "uploads", self.place.data / "spool")
        found = [path for folder in folders if folder.is_dir() for path in folder.rglob("*")]
        return chunks + [path.name for path in found if path.is_file()]

    def sealed(self) -> dict[str, bytes]:
        """SHA-256 and bytes of every original in the store."""
        found = {}
        for key in self.place.store.list_keys("cases/"):
            there = self.place.store.stat(key)
            assert there is not None
            with self.place.store.open(key, there.version_id) as stream:
                content = stream.read()
            found[sha256(content).hexdigest()] = content
        return found


@dataclass
class Sender:
    """Somebody who sends files through a link."""

    desk: Desk
    code: str
    grant: Grant
    submission: str

    def create(self, size: int, name: bytes = b"clip.mp4") -> Upload:
        return self.desk.uploads.create(self.grant, self.submission, name, size)

    def send(self, upload_id: str, offset: int, *pieces: bytes) -> None:
        """One request with these pieces, durable at its end."""
        with self.desk.uploads.receiving(self.grant, upload_id, offset) as receiving:
            for piece in pieces:
                receiving.write(piece)

    def send_whole(self, content: bytes, name: bytes = b"clip.mp4") -> Upload:
        upload = self.create(len(content), name)
        if content:
            self.send(upload.id, 0, content)
        return upload
