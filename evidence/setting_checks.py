"""What a setting may be: each check raises SettingsError with the name of the setting and what to write."""

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from ipaddress import ip_network
from urllib.parse import urlsplit

from evidence.errors import SettingsError

_INJECTED = re.compile(r"_(PORT|SERVICE)(_|$)")  # what Kubernetes tells of a Service called vidne-...
_NEARLY = 0.9  # how alike two names are, by difflib, where one is taken for a misspelling of the other


def unknown_names(environment: Mapping[str, str], known: Sequence[str]) -> list[str]:
    """Variables that look like settings and are none of those `known`."""
    return sorted(name for name in environment if name.startswith("VIDNE_") and name not in known)


def check_names(environment: Mapping[str, str], known: Sequence[str]) -> None:
    """Raise SettingsError for a name that is nearly a setting: without effect it would mean the default."""
    for name in unknown_names(environment, known):
        near = [] if _INJECTED.search(name) else get_close_matches(name, known, 1, _NEARLY)
        if near:
            raise SettingsError(
                f"{name} is no setting.", advice=f"Write {near[0]}, or unset it (docs/settings.md)."
            )


def check_server(name: str, url: str, schemes: tuple[str, ...]) -> None:
    """Raise SettingsError, which does not repeat the URL, for another scheme and for a password in it."""
    if not url:
        return
    # By its last @: a password with a slash in it is none of the host to some, and one to others.
    user = url.partition("://")[2].rpartition("@")[0]
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - raises where it is no number
    except ValueError:
        parts = urlsplit("")
    if ":" not in user and parts.scheme.partition("+")[0] not in schemes:
        raise SettingsError(
            f"{name} cannot be understood.", advice=f"Write {schemes[0]}://host:port/ and a name or a number."
        )
    if ":" in user or "password=" in parts.query:
        raise SettingsError(
            f"{name} holds a password, which lists of processes and logs would show.",
            advice=f"Put it into a file, and name that in {name.replace('_URL', '_PASSWORD_FILE')}.",
        )


def check_broker(name: str, url: str) -> None:
    """Raise SettingsError where a URL of Redis has more than host, port, a database's number and its TLS."""
    parts = urlsplit(url)
    number = parts.path.strip("/")
    is_tls = all(part.startswith("ssl_") for part in filter(None, parts.query.split("&")))
    if not is_tls or parts.fragment or (number and not number.isdecimal()):
        raise SettingsError(f"{name} cannot be understood.", advice="Write redis://host:port/number.")


def check_store_url(url: str, name: str) -> None:
    """Raise SettingsError where `url`, given as `name`, is not s3://host:port/bucket."""
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    if "@" in url:
        raise SettingsError(
            f"{name} holds a user name or password.",
            advice="Set VIDNE_S3_ACCESS_KEY and VIDNE_S3_SECRET_KEY_FILE instead.",
        )
    bucket = parts.path.strip("/")
    if parts.scheme not in ("s3", "s3+http") or not parts.netloc or not bucket or "/" in bucket:
        raise SettingsError(
            f"{name} is {url!r}.",
            advice="Write s3://host:port/bucket (TLS) or s3+http://host:port/bucket; empty: a folder.",
        )


def check_authority(url: str) -> None:
    """Raise SettingsError where `url` is no plain http or https address."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - raises where it is no number
    except ValueError:
        parts = urlsplit("")
    is_plain = url.isascii() and not any(char <= " " for char in url) and "@" not in parts.netloc
    if parts.scheme not in ("http", "https") or not parts.hostname or not is_plain:
        raise SettingsError(
            f"VIDNE_TSA_URLS has {url!r}.",
            advice="Write addresses like https://tsa.example.org/tsr, with commas between, and no passwords.",
        )


def check_listen(name: str, text: str) -> tuple[str, int]:
    """Host and port of `host:port` (IPv6 in brackets); raises SettingsError."""
    try:
        parts = urlsplit(f"//{text}")
        host, port = parts.hostname, parts.port
    except ValueError:
        parts, host, port = urlsplit(""), None, None
    if not host or port is None or parts.netloc != text or "@" in text:
        raise SettingsError(f"{name} is {text!r}.", advice="Write host:port, as 127.0.0.1:8080.")
    return host, port


def check_public_url(name: str, url: str) -> None:
    """Raise SettingsError where `url` is not http(s)://host[:port] alone."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - raises where it is no number
    except ValueError:
        parts = urlsplit("")
    is_plain = not (parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc)
    if parts.scheme not in ("http", "https") or not parts.hostname or not is_plain:
        raise SettingsError(
            f"{name} cannot be understood.", advice="Write https://host, without a path and a password."
        )


def check_networks(name: str, text: str) -> None:
    """Raise SettingsError where `text` is not a list of addresses and networks with commas between."""
    for part in filter(None, (part.strip() for part in text.split(","))):
        try:
            ip_network(part)
        except ValueError:
            raise SettingsError(
                f"{name} has {part!r}.", advice="Write addresses or networks, as 10.0.0.7, 10.1.0.0/16."
            ) from None
