"""Wiring: the one place that chooses which implementation stands behind each port."""

import getpass
import os
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING

from evidence.cases import new_id
from evidence.catalogue.engine import Catalogue
from evidence.catalogue.ledger import SqlLedgerStore
from evidence.catalogue.objects import some_stored
from evidence.catalogue.relocation import last_relocation
from evidence.catalogue.sqlite import BUSY_SECONDS, open_catalogue
from evidence.clock import Clock, system_clock
from evidence.errors import ConflictError, SettingsError
from evidence.files import create_file, make_durable_folders
from evidence.ports import ObjectStore
from evidence.settings import Settings
from hashing.keys import create_key, load_signer, load_verifier, verifier_path
from hashing.note_keys import Signer, Verifier
from hashing.notes import open_checkpoint
from hashing.publication import LedgerTree, Publisher, require_whole
from hashing.sequencer import Sequencer
from hashing.witness_checks import NO_WITNESS, Witnessed
from retention.folder import FolderStore
from retention.keys import CASES, LEDGER

if TYPE_CHECKING:
    from apps.cosigning import Cosigning
    from apps.remote_witness import RemoteWitness
    from ingest.scanning import Scanning
    from ingest.stamping import Stamper
    from ingest.uploads import Uploads
    from retention.keeping import Keeper
    from retention.s3 import S3Store


@dataclass
class _Leadership:
    is_ours: bool = False


def home_of(settings: Settings) -> str:
    """See Application.home; the name is made with the first use of the folder."""
    if not settings.catalogue_url:
        return ""
    path = settings.home_path
    make_durable_folders(path.parent)
    if not path.exists():
        with suppress(FileExistsError):  # two first commands at once: one name holds
            create_file(path, new_id().encode())
    return path.read_text().strip()


@dataclass(frozen=True)
class Application:
    """The parts of the program on one data folder, each made when it is first asked for.

    `patience` is for who has people waiting: the seconds after which a locked catalogue says so.
    """

    settings: Settings
    clock: Clock = system_clock
    patience: int | None = None

    @cached_property
    def catalogue(self) -> Catalogue:
        """The catalogue, made or migrated where needed."""
        settings, patience = self.settings, self.patience
        if not settings.catalogue_url:
            return open_catalogue(settings.catalogue_path, patience=patience or BUSY_SECONDS)
        from evidence.catalogue.postgres import open_server_catalogue  # noqa: PLC0415 - where it is needed

        password_file = settings.catalogue_password_file
        return open_server_catalogue(settings.catalogue_url, password_file, patience=patience)

    @cached_property
    def home(self) -> str:
        """What this data folder is called where several work on one catalogue; else empty."""
        return home_of(self.settings)

    def leads(self) -> bool:
        """Whether this process is to sequence: it could sign, and no other machine does. From one thread."""
        if self.catalogue.is_server:
            self._leadership.is_ours = False  # should the next line fail
            self._leadership.is_ours = self._has_key() and self.catalogue.lead()
        return self.led_last

    def _has_key(self) -> bool:
        """Whether this machine could sign; raises IntegrityError where its key is that of another log."""
        if not self.settings.ledger_key_path.exists():
            return not self.ledger.size()
        note = self.ledger.latest_checkpoint()
        if note is not None:
            open_checkpoint(note, self.verifier)
        return True

    @property
    def led_last(self) -> bool:
        """What `leads` said last; from any thread."""
        return not self.catalogue.is_server or self._leadership.is_ours

    @cached_property
    def _leadership(self) -> "_Leadership":
        return _Leadership()

    @cached_property
    def store(self) -> ObjectStore:
        """The object store that the settings name."""
        if not self.settings.store_url:
            self._check_not_moved()
            return FolderStore(self.settings.objects_path)
        return self.store_at(self.settings.store_url)

    def store_at(self, url: str) -> "S3Store":
        """The S3 store at another URL than that of the settings, with their key."""
        from retention.s3 import open_s3_store  # noqa: PLC0415 - the client is slow to import

        return open_s3_store(url, self.settings, self.clock)

    def _check_not_moved(self) -> None:
        with self.catalogue.read() as connection:
            last = last_relocation(connection)
        if last is not None and last.finished_at is not None:
            raise SettingsError(
                f"The objects of {self.settings.data} were moved to {last.target} at {last.finished_at}.",
                advice=f"Set VIDNE_STORE_URL={last.target}",
            )

    def require_store(self, *, anew: bool = False) -> None:
        """Ask the object store for something, and once a day (or `anew`) whether its lock holds.

        Raises VidneError where it does not answer or has no bucket, SettingsError where the lock fails.
        """
        next(iter(self.store.list_keys(CASES)), None)
        self.require_catalogue()
        self._require_known_store()
        if self.store.is_worm:
            from apps.lock_proof import require_lock  # noqa: PLC0415 - as above

            require_lock(self, anew=anew)

    def require_catalogue(self) -> None:
        """Raise IntegrityError where the catalogue is new, and the store has a log already: one was lost."""
        if not self.ledger.size():
            require_whole(self.ledger, self.store, LEDGER)

    def _require_known_store(self) -> None:
        """Raise SettingsError where the store has nothing of what the catalogue says was stored in it."""
        with self.catalogue.read() as connection:
            known = some_stored(connection)
        if known and all(self.store.stat(key) is None for key in known):
            raise SettingsError(
                f"{self.settings.store_url or self.settings.objects_path} has nothing of what the catalogue"
                f" says was stored ({len(known)} looked for, as {known[0]}).",
                advice="Set VIDNE_STORE_URL to the store that has it. If that was lost, restore it first.",
            )

    @cached_property
    def ledger(self) -> SqlLedgerStore:
        """The ledger's rows."""
        return SqlLedgerStore(self.catalogue)

    @cached_property
    def signer(self) -> Signer:
        """The ledger's key, made with a data folder's first use; raises TrustMaterialError if it is gone.

        For the holder of worker.lock only, once it has the lock: another may have put the next key there.
        """
        path = self.settings.ledger_key_path
        if not path.exists() and not self.ledger.size() and self.catalogue.lead():
            try:
                return create_key(path, self.settings.ledger_origin or f"vidne.invalid/{new_id()}")
            except ConflictError:  # two first commands at once: the other one made it
                if not path.exists():
                    raise
        return load_signer(path)

    @property
    def verifier(self) -> Verifier:
        """The public half, with the keys before it; read anew each time, for another may follow."""
        path = self.settings.ledger_key_path
        if not verifier_path(path).exists():
            return self.signer.verifier
        return load_verifier(path)

    @cached_property
    def tree(self) -> LedgerTree:
        """The ledger's tree, of the tiles that are published and the rows that came after."""
        return LedgerTree(self.ledger, self.store, LEDGER)

    @cached_property
    def publisher(self) -> Publisher:
        """For the holder of worker.lock only."""
        return Publisher(self.ledger, self.store, self.verifier, prefix=LEDGER, work=self.settings.work_path)

    @cached_property
    def sequencer(self) -> Sequencer:
        """For the holder of worker.lock only."""
        return Sequencer(self.ledger, self.signer, self.verifier)

    @cached_property
    def witnesses(self) -> "list[RemoteWitness]":
        """Those that the settings name; raises SettingsError."""
        settings = self.settings
        if not settings.witnesses and not settings.witnesses_file:
            return []
        from apps.remote_witness import parse_witnesses, read_witnesses  # noqa: PLC0415 - HTTP, where it is needed

        return [*parse_witnesses(settings.witnesses), *read_witnesses(settings.witnesses_file)]

    @cached_property
    def cosignings(self) -> "list[Cosigning]":
        """What asks them, one for each."""
        if not self.witnesses:
            return []
        from apps.cosigning import Cosigning  # noqa: PLC0415 - as above

        work = self.settings.work_path
        return [
            Cosigning(witness, self.catalogue, self.store, lambda: self.verifier, work=work, clock=self.clock)
            for witness in self.witnesses
        ]

    def witnessed(self) -> Witnessed:
        """What is kept of what the witnesses cosigned last; they are not asked."""
        if not self.witnesses:
            return NO_WITNESS
        from apps.cosigning import kept_cosignatures  # noqa: PLC0415 - as above

        return kept_cosignatures(self.witnesses, self.catalogue, self.store)

    @cached_property
    def stamper(self) -> "Stamper":
        """What has checkpoints stamped by the authorities that the settings name."""
        from ingest.stamping import Stamper  # noqa: PLC0415 - slow to import, and seldom needed

        settings = self.settings
        return Stamper(
            self.catalogue,
            self.store,
            authorities=settings.time_authorities,
            roots=settings.tsa_roots,
            interval=timedelta(seconds=settings.tsa_interval),
            renewal=timedelta(days=settings.tsa_renew_days),
            prefix=LEDGER,
            work=settings.work_path,
            clock=self.clock,
        )

    @cached_property
    def keeper(self) -> "Keeper":
        """For the holder of worker.lock only."""
        from retention.keeping import Keeper  # noqa: PLC0415 - for the worker alone

        days = self.settings.retention_days
        return Keeper(self.catalogue, self.store, days=days, prefix=LEDGER, clock=self.clock)

    @cached_property
    def scanning(self) -> "Scanning":
        """What has a malware scanner look at uploads; for a machine that sequences."""
        from ingest.malware import Clamd  # noqa: PLC0415 - where a scanner is set up
        from ingest.scanning import Scanning  # noqa: PLC0415 - as above

        clamd = Clamd(self.settings.clamav_socket)
        return Scanning(self.catalogue, self.store, clamd, clock=self.clock)

    @cached_property
    def uploads(self) -> "Uploads":
        """Uploads through links: what the portal works on, and what a sweep looks after."""
        from apps.upload_wiring import wire_uploads  # noqa: PLC0415 - where links are used

        return wire_uploads(self)

    def sequence(self) -> int:
        """Give waiting events their place in the ledger, and publish it; how many there were.

        For the holder of worker.lock only; there may be more. None are taken where another machine does it.
        """
        if not self.leads():
            return 0
        self._take_up_key()
        self.publisher.require_whole()
        sequenced = self.sequencer.run_once()
        self.publisher.run_once()
        return sequenced

    def _take_up_key(self) -> None:
        """Carry out a rotation that was begun; take up the key that stands there now, whoever rotated it."""
        from apps.rotation import carry_out  # noqa: PLC0415 - it works on what is wired here

        carry_out(self)
        if self.signer.verifier != self.verifier:
            for part in ("signer", "sequencer", "publisher"):
                self.__dict__.pop(part, None)

    def sequence_all(self) -> None:
        """As `sequence`, until nothing waits."""
        while self.sequence():
            pass

    @property
    def actor(self) -> str:
        """The pseudonym under which this command acts."""
        if self.settings.actor:
            return self.settings.actor
        # A person's name does not belong into the ledger: a digest of the account tells two people apart.
        try:
            account = f"{getpass.getuser()}:{os.getuid()}"
        except (KeyError, OSError):  # a container's user id that no account has
            account = str(os.getuid())
        return f"local-{sha256(account.encode()).hexdigest()[:12]}"
