from dataclasses import fields
from pathlib import Path

import pytest

from evidence.errors import SettingsError
from evidence.files import read_secret
from evidence.setting_checks import unknown_names
from evidence.settings import Settings, setting_names

DOCUMENT = Path(__file__).parents[2] / "docs" / "settings.md"


def test_the_environment_is_read_and_what_is_given_wins() -> None:
    settings = Settings.from_environment({"VIDNE_DATA": "/a", "VIDNE_SLOW_SLOTS": "3"}, data=Path("/b"))
    assert settings.data == Path("/b")
    assert settings.slow_slots == 3


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("VIDNE_SLOW_SLOTS", "many"),
        ("VIDNE_FAST_SLOTS", "0"),
        ("VIDNE_STORE_URL", "ftp://x/y"),
        ("VIDNE_CATALOGUE_URL", "mysql://x/y"),
        ("VIDNE_CATALOGUE_URL", "postgresql://u:hush@x/y"),
        ("VIDNE_CATALOGUE_URL", "postgresql://u@x/y?password=hush"),
        ("VIDNE_CATALOGUE_URL", "postgresql://u:a/hush@x/y"),
        ("VIDNE_CATALOGUE_URL", "postgresql://u:1a#hush@x/y"),
        ("VIDNE_CATALOGUE_URL", "postgresql://u@x:port/y"),
        ("VIDNE_STORE_URL", "s3://vidne:a/hush@host/bucket"),
        ("VIDNE_BROKER_URL", "redis://:a/hush@x/0"),
        ("VIDNE_BROKER_URL", "redis://x:port/0"),
        ("VIDNE_BROKER_URL", "redis://x/0?foo=1"),
        ("VIDNE_BROKER_URL", "redis://x/zero"),
        ("VIDNE_BROKER_URL", "redis://:hush@x/0"),
        ("VIDNE_BROKER_URL", "redis://x/0"),
        ("VIDNE_METRICS_PORT", "70000"),
        ("VIDNE_LOG_FORMAT", "xml"),
        ("VIDNE_STORE_URL", "s3://host"),
        ("VIDNE_STORE_URL", "s3://host/a/b"),
        ("VIDNE_STORE_URL", "s3://user:hush@host/bucket"),
        ("VIDNE_RETENTION_DAYS", "0"),
        ("VIDNE_RETENTION_DAYS", "3650"),
        ("VIDNE_CASE_PATTERN", "no number"),
        ("VIDNE_TSA_URLS", "http://a/, ftp://x/y"),
        ("VIDNE_TSA_URLS", "https://user:secret@tsa.example.org/"),
        ("VIDNE_TSA_URLS", "http://:1/"),
        ("VIDNE_TSA_URLS", "http://x:port/"),
        ("VIDNE_TSA_URLS", "http://x/a b"),
        ("VIDNE_TSA_INTERVAL", "0"),
        ("VIDNE_TSA_RENEW_DAYS", "0"),
        ("VIDNE_DATA", ""),
        ("VIDNE_PORTAL_LISTEN", "8080"),
        ("VIDNE_PORTAL_LISTEN", "host:port"),
        ("VIDNE_PORTAL_LISTEN", "host:99999"),
        ("VIDNE_PORTAL_LISTEN", "host:80/path"),
        ("VIDNE_PORTAL_URL", "vidne.example.org"),
        ("VIDNE_PORTAL_URL", "https://vidne.example.org/portal"),
        ("VIDNE_PORTAL_URL", "https://user:hush@vidne.example.org"),
        ("VIDNE_PORTAL_PROXIES", "10.0.0.0/99"),
        ("VIDNE_PORTAL_PROXIES", "10.0.0.1, proxy"),
        ("VIDNE_PORTAL_LARGEST_FILE", "0"),
        ("VIDNE_PORTAL_UPLOAD_HOURS", "0"),
        ("VIDNE_PORTAL_REQUESTS", "0"),
        ("VIDNE_PORTAL_THREADS", "0"),
        ("VIDNE_PORTAL_LINK_RATE", "-1"),
        ("VIDNE_PORTAL_ADDRESS_RATE", "-1"),
        ("VIDNE_PORTAL_NEW_RATE", "-1"),
        ("VIDNE_CLAMAV_SOCKET", "clamd"),
    ],
)
def test_a_setting_that_cannot_be_meant_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError) as refused:
        Settings.from_environment({name: value})
    assert name.removeprefix("VIDNE_").lower() in str(refused.value).lower()
    assert "hush" not in str(refused.value)


@pytest.mark.parametrize("name", ["VIDNE_CATALOG_URL", "VIDNE_RETENTION_DAY", "VIDNE_STORE_URLS"])
def test_a_name_that_is_nearly_a_setting_is_refused(name: str) -> None:
    with pytest.raises(SettingsError, match=f"{name} is no setting"):
        Settings.from_environment({name: "x"})


def test_other_names_are_let_be_and_can_be_listed() -> None:
    injected = {"VIDNE_PORTAL_PORT": "tcp://10.0.0.7:80"}  # by Kubernetes, for a Service called vidne-portal
    environment = {"VIDNE_FOOTAGE": "/footage", "VIDNE_DATA": "/data", "HOME": "/", **injected}
    assert Settings.from_environment(environment).data == Path("/data")
    assert unknown_names(environment, setting_names()) == ["VIDNE_FOOTAGE", "VIDNE_PORTAL_PORT"]


@pytest.mark.parametrize(("raw", "why"), [(b"\xff\xfe\x00", "no text"), (b" \n", "is empty")])
def test_a_file_that_holds_no_secret_is_named(tmp_path: Path, raw: bytes, why: str) -> None:
    (tmp_path / "secret").write_bytes(raw)
    with pytest.raises(SettingsError, match=f"VIDNE_X_FILE .*{why}"):
        read_secret(str(tmp_path / "secret"), "VIDNE_X_FILE")


def test_a_secret_is_not_shown_with_the_settings() -> None:
    word = "hush"
    settings = Settings.from_environment({"VIDNE_S3_SECRET_KEY": word})
    assert settings.s3_secret_key == word
    assert word not in repr(settings)


def test_authorities_are_named_with_commas_between_each_once() -> None:
    settings = Settings.from_environment({"VIDNE_TSA_URLS": " http://a/1, https://b:444/ ,http://a/1,"})
    assert settings.time_authorities == ("http://a/1", "https://b:444/")
    assert Settings().time_authorities == ()


@pytest.mark.parametrize("item", fields(Settings), ids=lambda item: str(item.name))
def test_every_setting_is_documented(item: "object") -> None:
    name = item.metadata["env"]  # type: ignore[attr-defined]
    assert f"`{name}`" in DOCUMENT.read_text()


def test_a_time_zone_that_is_not_known_is_named_where_it_is_needed() -> None:
    settings = Settings.from_environment({"VIDNE_PORTAL_ZONE": "Europe/Atlantis"})
    with pytest.raises(SettingsError, match="VIDNE_PORTAL_ZONE"):
        _ = settings.zone


def test_the_portal_s_address_is_the_public_one_where_one_is_set() -> None:
    assert Settings().public_url == ""
    assert Settings(portal_listen="127.0.0.1:8080").public_url == "http://127.0.0.1:8080"
    settings = Settings(portal_listen="127.0.0.1:8080", portal_url="https://vidne.example.org/")
    assert settings.public_url == "https://vidne.example.org"
