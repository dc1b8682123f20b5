"""The portal's process: uvicorn on a socket that was handed down; it dies with its parent."""

import argparse
import gc
import logging
import resource
import socket
import sys
import time
from pathlib import Path

import uvicorn

from apps.child import die_with
from apps.logs import log_to
from apps.portal.app import Portal, open_portal
from apps.portal.application import application_of
from evidence.errors import UnavailableError, VidneError
from evidence.settings import Settings
from evidence.text import printable

log = logging.getLogger("vidne.portal")

_GRACE_S = 20  # for requests in hand, once it is told to stop; uploads go on at the next server
_BACKLOG = 2048


def main() -> None:
    """Serve until told to stop."""
    options = argparse.ArgumentParser(prog="vidne-portal")
    options.add_argument("--data", type=Path, required=True)
    options.add_argument("--socket", type=int, required=True)
    options.add_argument("--parent", type=int, required=True)
    given = options.parse_args()
    die_with(given.parent)
    try:
        settings = Settings.from_environment(data=given.data)
        log_to(settings, "%(asctime)s %(levelname)s %(name)s %(message)s", logging.StreamHandler())
        logging.raiseExceptions = False
        _raise_file_limit()
        application = application_of(_opened(settings))
    except (VidneError, OSError) as error:
        sys.exit(f"The portal cannot work: {printable(str(error), limit=2000)}")
    config = uvicorn.Config(
        application,
        access_log=False,  # it would print whole URLs; ours is in access_log.py
        log_config=None,
        server_header=False,
        proxy_headers=False,  # limits.py believes the proxies that the settings name, and no others
        ws="none",
        lifespan="on",
        backlog=_BACKLOG,
        timeout_keep_alive=20,
        timeout_graceful_shutdown=_GRACE_S,
        h11_max_incomplete_event_size=32_768,
    )
    gc.freeze()  # what was imported stays, and need not be looked through while bytes come in
    gc.set_threshold(20_000)
    with socket.socket(fileno=given.socket) as listening:
        uvicorn.Server(config).run(sockets=[listening])


def _opened(settings: Settings) -> Portal:
    """The portal; a server that is not up yet is waited for: machines start in any order."""
    while True:
        try:
            return open_portal(settings)
        except UnavailableError as error:
            log.warning("%s", error)
            time.sleep(1)


def _raise_file_limit() -> None:
    """Each connection is a file; what a shell allows by default is for programs with few."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65_536 if most == resource.RLIM_INFINITY else min(most, 65_536)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


if __name__ == "__main__":
    main()
