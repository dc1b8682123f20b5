"""Settings: one frozen object, read once at the edge from the environment (docs/settings.md)."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from evidence.cases import DEFAULT_PATTERN
from evidence.custody import ACTOR
from evidence.errors import SettingsError
from evidence.setting_checks import (
    check_authority,
    check_broker,
    check_listen,
    check_names,
    check_networks,
    check_public_url,
    check_server,
    check_store_url,
)

T = TypeVar("T")
MOST_RETENTION_DAYS = 366


def _setting(name: str, default: T, about: str, *, is_secret: bool = False) -> T:
    return field(default=default, repr=not is_secret, metadata={"env": name, "about": about})


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be set; each field's environment variable and meaning stand in its metadata."""

    data: Path = _setting("VIDNE_DATA", Path("vidne-data"), "folder of catalogue, objects, spool and keys")
    catalogue_url: str = _setting(
        "VIDNE_CATALOGUE_URL",
        "",
        "empty: SQLite in the data folder; postgresql://user@host:port/database for many machines",
    )
    catalogue_password_file: str = _setting(
        "VIDNE_CATALOGUE_PASSWORD_FILE", "", "file that holds the password of the catalogue's user"
    )
    broker_url: str = _setting(
        "VIDNE_BROKER_URL", "", "empty: jobs are handed on inside of each worker; redis://host:port/number"
    )
    broker_password_file: str = _setting(
        "VIDNE_BROKER_PASSWORD_FILE", "", "file that holds the password of the broker"
    )
    ledger_key_file: str = _setting(
        "VIDNE_LEDGER_KEY_FILE", "", "the ledger's private key; empty: in the data folder"
    )
    store_url: str = _setting(
        "VIDNE_STORE_URL",
        "",
        "empty: a folder below the data folder; s3://host:port/bucket or s3+http:// for S3",
    )
    s3_access_key: str = _setting("VIDNE_S3_ACCESS_KEY", "", "access key of the S3 store")
    s3_secret_key_file: str = _setting(
        "VIDNE_S3_SECRET_KEY_FILE", "", "file that holds the secret key of the S3 store"
    )
    s3_secret_key: str = _setting(
        "VIDNE_S3_SECRET_KEY", "", "the secret key itself, where no file is named", is_secret=True
    )
    s3_region: str = _setting(
        "VIDNE_S3_REGION", "", "region of the bucket; empty: the store is asked, which a narrow key may not"
    )
    retention_days: int = _setting(
        "VIDNE_RETENTION_DAYS", 30, "days ahead for which S3 locks what is to be kept; extended as they pass"
    )
    case_pattern: str = _setting(
        "VIDNE_CASE_PATTERN", DEFAULT_PATTERN, "form of a case number: d a digit, a a letter"
    )
    ledger_origin: str = _setting(
        "VIDNE_LEDGER_ORIGIN", "", "name of the log, read when its key is made; empty: a random one"
    )
    witnesses: str = _setting(
        "VIDNE_WITNESSES", "", "witnesses that cosign the ledger: URL=vkey, several with commas between"
    )
    witnesses_file: str = _setting("VIDNE_WITNESSES_FILE", "", "file that names further ones, one a line")
    actor: str = _setting("VIDNE_ACTOR", "", "pseudonym of who acts; empty: the system user's id")
    tsa_urls: str = _setting(
        "VIDNE_TSA_URLS", "", "time-stamp authorities (RFC 3161), http or https, comma between; empty: none"
    )
    tsa_roots: str = _setting(
        "VIDNE_TSA_ROOTS", "", "PEM file of root certificates that their time stamps are checked against"
    )
    tsa_interval: int = _setting(
        "VIDNE_TSA_INTERVAL", 3600, "seconds after which a new checkpoint is stamped"
    )
    tsa_renew_days: int = _setting(
        "VIDNE_TSA_RENEW_DAYS", 30, "days before a stamp's chain expires at which it is stamped anew"
    )
    metrics_port: int = _setting(
        "VIDNE_METRICS_PORT", 0, "port at which serve and worker answer Prometheus; 0: none"
    )
    metrics_host: str = _setting("VIDNE_METRICS_HOST", "127.0.0.1", "address that this port is bound to")
    log_format: str = _setting("VIDNE_LOG_FORMAT", "text", "text, or json: one object a line")
    portal_listen: str = _setting(
        "VIDNE_PORTAL_LISTEN", "", "host:port at which serve answers the public; empty: it does not"
    )
    portal_url: str = _setting(
        "VIDNE_PORTAL_URL", "", "address of the portal as the public types it, as https://host"
    )
    portal_proxies: str = _setting(
        "VIDNE_PORTAL_PROXIES",
        "",
        "addresses or networks of reverse proxies whose X-Forwarded-For is believed, comma between",
    )
    portal_controller: str = _setting(
        "VIDNE_PORTAL_CONTROLLER", "", "who is the data controller, as the public reads it"
    )
    portal_dpo: str = _setting("VIDNE_PORTAL_DPO", "", "how the public reaches the data protection officer")
    portal_zone: str = _setting(
        "VIDNE_PORTAL_ZONE", "Europe/Copenhagen", "time zone of times that people give and read"
    )
    portal_largest_file: int = _setting(
        "VIDNE_PORTAL_LARGEST_FILE", 50_000_000_000, "bytes that one file of an upload may have"
    )
    portal_upload_hours: int = _setting(
        "VIDNE_PORTAL_UPLOAD_HOURS", 168, "hours after which an unfinished upload is given up"
    )
    portal_requests: int = _setting(
        "VIDNE_PORTAL_REQUESTS", 1500, "requests of the public in hand at once; further ones are told to wait"
    )
    portal_threads: int = _setting(
        "VIDNE_PORTAL_THREADS", 24, "threads, and so catalogue connections, that these may take at once"
    )
    portal_link_rate: int = _setting(
        "VIDNE_PORTAL_LINK_RATE", 1200, "requests a minute through one link; 0: no limit"
    )
    portal_address_rate: int = _setting(
        "VIDNE_PORTAL_ADDRESS_RATE", 6000, "requests a minute from one address; 0: no limit"
    )
    portal_new_rate: int = _setting(
        "VIDNE_PORTAL_NEW_RATE",
        240,
        "visits, submissions and uploads begun a minute from one address; 0: no limit",
    )
    clamav_socket: str = _setting(
        "VIDNE_CLAMAV_SOCKET", "", "path, or host:port, of clamd; empty: uploads are not scanned"
    )
    fast_slots: int = _setting("VIDNE_FAST_SLOTS", 2, "jobs of the fast lane at once on one worker")
    slow_slots: int = _setting("VIDNE_SLOW_SLOTS", 1, "jobs of the slow lane at once on one worker")

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ, **given: object) -> "Settings":
        """Settings from `environment`; `given` values that are not None win. Raises SettingsError."""
        values: dict[str, object] = {}
        check_names(environment, setting_names())
        for item in fields(cls):
            text = environment.get(item.metadata["env"])
            if given.get(item.name) is not None:
                values[item.name] = given[item.name]
            elif text is not None:
                values[item.name] = _parse(item.metadata["env"], text, item.default)
        settings = cls(**values)  # type: ignore[arg-type]
        settings._check()
        return settings

    def _check(self) -> None:
        for name in ("fast_slots", "slow_slots"):
            if not 1 <= getattr(self, name) <= 256:
                raise SettingsError(f"{name} is {getattr(self, name)}.", advice="Set a number from 1 to 256.")
        self._check_servers()
        if self.store_url:
            check_store_url(self.store_url, "VIDNE_STORE_URL")
        if not 1 <= self.retention_days <= MOST_RETENTION_DAYS:
            raise SettingsError(
                f"VIDNE_RETENTION_DAYS is {self.retention_days}.",
                advice=f"Set a number from 1 to {MOST_RETENTION_DAYS}. A lock cannot be taken back, and is"
                " extended for as long as an exhibit is kept.",
            )
        for url in self.time_authorities:
            check_authority(url)
        for name in ("tsa_interval", "tsa_renew_days"):
            if getattr(self, name) < 1:
                raise SettingsError(f"{name} is {getattr(self, name)}.", advice="Set a number from 1 on.")
        self._check_portal()
        if self.actor and not ACTOR.fullmatch(self.actor):
            raise SettingsError(
                f"VIDNE_ACTOR {self.actor!r} is not a pseudonym.",
                advice="It stays in the ledger: use up to 64 of a-z 0-9 . _ : -, and no person's name.",
            )
        if "d" not in self.case_pattern:
            raise SettingsError(f"VIDNE_CASE_PATTERN {self.case_pattern!r} has no digit (d) in it.")

    def _check_servers(self) -> None:
        check_server("VIDNE_CATALOGUE_URL", self.catalogue_url, ("postgresql",))
        check_server("VIDNE_BROKER_URL", self.broker_url, ("redis", "rediss"))
        check_broker("VIDNE_BROKER_URL", self.broker_url)
        if self.broker_url and not self.catalogue_url:
            raise SettingsError(
                "VIDNE_BROKER_URL is set, VIDNE_CATALOGUE_URL is not.",
                advice="A broker serves many machines, and these need a catalogue on a server.",
            )
        if not 0 <= self.metrics_port <= 65535:
            raise SettingsError(
                f"VIDNE_METRICS_PORT is {self.metrics_port}.", advice="Set a port, or 0 for none."
            )
        if self.log_format not in ("text", "json"):
            raise SettingsError(f"VIDNE_LOG_FORMAT is {self.log_format!r}.", advice="Set text or json.")

    def _check_portal(self) -> None:
        if self.portal_listen:
            check_listen("VIDNE_PORTAL_LISTEN", self.portal_listen)
        if self.portal_url:
            check_public_url("VIDNE_PORTAL_URL", self.portal_url)
        check_networks("VIDNE_PORTAL_PROXIES", self.portal_proxies)
        if self.clamav_socket and "/" not in self.clamav_socket:
            check_listen("VIDNE_CLAMAV_SOCKET", self.clamav_socket)
        for name in ("largest_file", "upload_hours", "requests", "threads"):
            if getattr(self, f"portal_{name}") < 1:
                raise SettingsError(
                    f"VIDNE_PORTAL_{name.upper()} is below 1.", advice="Set a number from 1 on."
                )
        for name in ("link_rate", "address_rate", "new_rate"):
            if getattr(self, f"portal_{name}") < 0:
                raise SettingsError(
                    f"VIDNE_PORTAL_{name.upper()} is below 0.", advice="Set a number a minute, or 0 for none."
                )

    @property
    def zone(self) -> ZoneInfo:
        """The time zone of times that people give and read; raises SettingsError."""
        try:
            return ZoneInfo(self.portal_zone)
        except (ValueError, OSError, ZoneInfoNotFoundError) as error:
            raise SettingsError(
                f"VIDNE_PORTAL_ZONE {self.portal_zone!r} is not known here: {error}.",
                advice="Name a zone as Europe/Copenhagen; the package tzdata has them.",
            ) from error

    @property
    def public_url(self) -> str:
        """Where the public finds the portal, without a slash at the end; empty where nobody said."""
        if self.portal_url:
            return self.portal_url.rstrip("/")
        return f"http://{self.portal_listen}" if self.portal_listen else ""

    @property
    def time_authorities(self) -> tuple[str, ...]:
        """URLs of the time-stamp authorities, each once."""
        return tuple(dict.fromkeys(url.strip() for url in self.tsa_urls.split(",") if url.strip()))

    @property
    def catalogue_path(self) -> Path:
        """The SQLite catalogue."""
        return self.data / "catalogue.sqlite3"

    @property
    def objects_path(self) -> Path:
        """The folder store."""
        return self.data / "objects"

    @property
    def spool_path(self) -> Path:
        """Received files that are not yet sealed."""
        return self.data / "spool"

    @property
    def uploads_path(self) -> Path:
        """Uploads through links, until they are filed; on many machines what is on its way to the store."""
        return self.data / "uploads"

    @property
    def work_path(self) -> Path:
        """Scratch space of running jobs; anything in it may be deleted when no worker runs."""
        return self.data / "work"

    @property
    def ledger_key_path(self) -> Path:
        """The ledger's private Ed25519 key, in the C2SP signed-note encoding."""
        if self.ledger_key_file:
            return Path(self.ledger_key_file)
        return self.data / "keys" / "ledger.skey"

    @property
    def home_path(self) -> Path:
        """The random id of this data folder, by which jobs that need its spool name it."""
        return self.data / "home"

    @property
    def worker_lock_path(self) -> Path:
        """The lock that elects the one working supervisor on this data folder."""
        return self.data / "worker.lock"


def setting_names() -> list[str]:
    """The environment variable of each setting."""
    return [item.metadata["env"] for item in fields(Settings)]


def _parse(name: str, text: str, default: object) -> object:
    if isinstance(default, int):
        try:
            return int(text)
        except ValueError:
            raise SettingsError(f"{name} is {text!r}.", advice="Set a whole number.") from None
    if isinstance(default, Path):
        if not text:
            raise SettingsError(f"{name} is empty.", advice="Name a folder, or unset it.")
        return Path(text)
    return text
