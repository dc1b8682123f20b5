"""vidne doctor: what is installed, configured, reachable, locked, sandboxed."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import click

from apps.broker import ask_broker
from apps.cli.main import Context, echo_json, json_option, pass_context
from apps.cosigning import cosigned_size
from apps.lock import try_worker_lock
from apps.validation import changed_tools, last_validation
from apps.wiring import Application
from evidence.catalogue.retention import last_round
from evidence.catalogue.timestamps import last_asked
from evidence.errors import UsageError, VidneError
from evidence.files import make_private_folder
from evidence.setting_checks import unknown_names
from evidence.settings import setting_names
from evidence.text import human_size
from hashing.notes import open_checkpoint
from hashing.publication import require_whole
from hashing.rotation import begun_rotation
from hashing.timestamps import load_roots_file
from retention.keys import LEDGER
from transcode import sandbox, tools

_LOW_BYTES = 1 << 30
_LATE = timedelta(days=1)  # a round of retention that was due so long ago is told
_CLOCKS_S = 5.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at: `ok`, `warning` (works, but you should know) or `fail`."""

    name: str
    status: str
    text: str


@click.command()
@click.option("--only", multiple=True, metavar="NAME", help="Look at this alone; may be given again.")
@json_option
@pass_context
def command(context: Context, only: tuple[str, ...], *, as_json: bool) -> int:
    """Look at everything the program rests on; ends 1 where something fails."""
    app = context.application
    looks: list[tuple[str, Callable[[Application], Finding]]] = [
        ("settings", _settings),
        ("ffmpeg", lambda _: _tool("ffmpeg")),
        ("ffprobe", lambda _: _tool("ffprobe")),
        ("exiftool", lambda _: _tool("exiftool")),
        ("sandbox", _sandbox),
        ("data folder", _data_folder),
        ("catalogue", _catalogue),
        ("broker", _broker),
        ("object store", _store),
        ("ledger", _ledger),
        ("time stamps", _time_stamps),
        ("worker", _worker),
        ("portal", _portal),
        ("scanner", _scanner),
        ("validation", _validation),
    ]
    names = [name for name, _ in looks]
    for name in set(only) - set(names):
        raise UsageError(f"Nothing is called {name!r}.", advice=f"There are: {', '.join(names)}.")
    findings = []
    for name, look in looks:
        if only and name not in only:
            continue
        findings.append(finding := _look(name, look, app))
        if not as_json:  # at once: a server that hangs holds up the rest
            click.echo(f"  {finding.status:<8} {finding.name:<13} {finding.text}")
    if as_json:
        echo_json([{"name": f.name, "status": f.status, "text": f.text} for f in findings])
    return 1 if any(finding.status == "fail" for finding in findings) else 0


def _look(name: str, look: Callable[[Application], Finding], app: Application) -> Finding:
    try:
        return look(app)
    except (VidneError, OSError) as error:
        return Finding(name, "fail", str(error))


def _settings(_app: Application) -> Finding:
    unknown = unknown_names(os.environ, setting_names())
    if unknown:
        return Finding("settings", "warning", f"not known, and without effect: {', '.join(unknown)}")
    return Finding("settings", "ok", "every VIDNE_ variable is one that is known")


def _tool(name: str) -> Finding:
    tool = tools.identify(name)
    return Finding(name, "ok", f"{tool.version}, SHA-256 {tool.sha256}")


def _sandbox(_app: Application) -> Finding:
    seen = sandbox.self_check()
    text = (
        f"a child sees Seccomp {seen.seccomp}, NoNewPrivs {seen.no_new_privs},"
        f" capabilities {seen.capabilities:x}, network {', '.join(seen.interfaces) or 'none'}"
    )
    return Finding("sandbox", "ok" if seen.is_confined else "fail", text)


def _data_folder(app: Application) -> Finding:
    folder = app.settings.data
    make_private_folder(folder)
    room = os.statvfs(folder)
    free = room.f_bavail * room.f_frsize
    if not os.access(folder, os.W_OK):
        return Finding("data folder", "fail", f"{folder} cannot be written to.")
    status = "ok" if free > _LOW_BYTES else "warning"
    return Finding("data folder", status, f"{folder}, {human_size(free)} free")


def _catalogue(app: Application) -> Finding:
    if app.catalogue.is_server:
        return _catalogue_server(app)
    with app.catalogue.read() as connection:
        broken = connection.exec_driver_sql("PRAGMA quick_check").scalar()
    if broken != "ok":
        return Finding("catalogue", "fail", f"{app.settings.catalogue_path}: {broken}")
    return Finding("catalogue", "ok", str(app.settings.catalogue_path))


def _catalogue_server(app: Application) -> Finding:
    from evidence.catalogue.postgres import server_state  # noqa: PLC0415 - where there is one

    with app.catalogue.read() as connection:
        version, now = server_state(connection)
    off = abs((app.clock() - now).total_seconds())
    if off > _CLOCKS_S:
        text = f"{version}; its clock and this machine's are {off:.0f} s apart: leases need them to agree"
        return Finding("catalogue", "warning", text)
    return Finding("catalogue", "ok", version)


def _broker(app: Application) -> Finding:
    if not app.settings.broker_url:
        return Finding("broker", "ok", "inside of each worker")
    return Finding("broker", "ok", f"Redis {ask_broker(app.settings)}")


def _store(app: Application) -> Finding:
    where = app.settings.store_url or str(app.settings.objects_path)
    app.require_store(anew=True)
    if not app.store.is_worm:
        text = f"{where}: not WORM, locks are kept by this program alone"
        return Finding("object store", "warning", text)
    days = app.settings.retention_days
    text = f"{where}: its lock held when it was tried just now; what is kept is locked {days} days ahead"
    with app.catalogue.read() as connection:
        last = last_round(connection)
    if last is None:
        return Finding("object store", "ok", text)
    text += f"; locks were last extended from {last.started_at} on ({last.extended}, {last.failed} failed)"
    is_late = app.clock() - datetime.fromisoformat(last.started_at) > timedelta(days=days) / 3 + _LATE
    status = "warning" if last.failed or is_late else "ok"
    return Finding("object store", status, text)


def _ledger(app: Application) -> Finding:
    verifier = app.verifier
    require_whole(app.ledger, app.store, LEDGER)
    note = app.ledger.latest_checkpoint()
    if note is not None:
        open_checkpoint(note, verifier)  # raises where the key is that of another log
    waiting = app.ledger.pending_count()
    since = max((former.size for former in verifier.former), default=0)
    text = (
        f"{verifier.name}, {app.ledger.size()} entries, {waiting} waiting,"
        f" key {verifier.key_id.hex()} from {since + 1} entries on"
    )
    if begun_rotation(app.settings.ledger_key_path):
        text += "; a rotation of the key is not finished: vidne ledger rotate-key goes on with it"
        return Finding("ledger", "warning", text)
    if not app.witnesses:
        return Finding("ledger", "warning", f"{text}; no outside witness is set up")
    size = app.ledger.size()
    cosigned = {item.verifier.name: cosigned_size(app.catalogue, item) for item in app.witnesses}
    if any(seen > size for seen in cosigned.values()):
        status = "fail"  # it was longer once
    else:
        status = "ok" if all(seen == size for seen in cosigned.values()) else "warning"
    told = [f"{name} has cosigned {seen}" for name, seen in cosigned.items()]
    return Finding("ledger", status, "; ".join([text, *told]))


def _time_stamps(app: Application) -> Finding:
    authorities = app.settings.time_authorities
    if not authorities:
        text = "no authority is set up: when entries were made rests on this machine's clock"
        return Finding("time stamps", "warning", text)
    load_roots_file(app.settings.tsa_roots)
    with app.catalogue.read() as connection:
        last = [last_asked(connection, url) for url in authorities]
    waiting = [f"{row.authority}: {row.error or 'no answer yet'}" for row in last if row and not row.gen_time]
    stamped = max((row.gen_time for row in last if row and row.gen_time), default="")
    text = f"the last is of {stamped}" if stamped else "none yet"
    return Finding("time stamps", "warning" if waiting else "ok", "; ".join([text, *waiting]))


def _worker(app: Application) -> Finding:
    with try_worker_lock(app.settings.worker_lock_path) as is_free:
        text = "none runs; start one with: vidne serve" if is_free else "one runs on this data folder"
    return Finding("worker", "ok", text)


def _portal(app: Application) -> Finding:
    settings = app.settings
    if not settings.public_url:
        return Finding("portal", "ok", "none is set up: the public cannot send anything")
    _ = settings.zone
    told = [f"{settings.public_url}, answers at {settings.portal_listen or 'no address of this machine'}"]
    url = urlsplit(settings.public_url)
    if url.scheme != "https" and url.hostname not in ("localhost", "127.0.0.1", "::1"):
        told.append("codes and footage go there in the clear: put a proxy with TLS before it")
    if not (settings.portal_controller and settings.portal_dpo):
        told.append("the service declaration names no controller or data protection officer")
    return Finding("portal", "ok" if len(told) == 1 else "warning", "; ".join(told))


def _scanner(app: Application) -> Finding:
    if not app.settings.clamav_socket:
        return Finding("scanner", "ok", "none is set up: uploads are not scanned for malware")
    from ingest.malware import Clamd  # noqa: PLC0415 - where one is set up

    return Finding("scanner", "ok", Clamd(app.settings.clamav_socket).version())


def _validation(app: Application) -> Finding:
    last = last_validation(app)
    if last is None:
        return Finding("validation", "warning", "this installation was never validated: vidne validate")
    at, report = last
    changed = changed_tools(report)
    if changed:
        text = f"stale, validated at {at}: {'; '.join(changed)}. Run vidne validate again."
        return Finding("validation", "warning", text)
    text = f"validated at {at}, {report.get('failed')} of {report.get('expected')} expectations failed"
    return Finding("validation", "warning" if report.get("failed") else "ok", text)
