"""docker-compose.yml: valid by the compose specification, closed, confined, and with settings that exist."""

import json
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.services import ROOT
from evidence.settings import Settings
from transcode import seccomp

COMPOSE = ROOT / "docker-compose.yml"
PARSED: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())
SERVICES: dict[str, Any] = PARSED["services"]
each_service = pytest.mark.parametrize("name", SERVICES)
# What bubblewrap itself calls, before it lets a parser loose under the filter that forbids these too.
OF_BUBBLEWRAP = {"mount", "umount", "umount2", "pivot_root", "unshare"}


def validated(path: Path) -> subprocess.CompletedProcess[str]:
    schema = ("--builtin-schema", "vendor.compose-spec")
    command = [sys.executable, "-m", "check_jsonschema", *schema, str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_it_is_valid_and_a_wrong_field_would_be_found(tmp_path: Path) -> None:
    assert validated(COMPOSE).returncode == 0, validated(COMPOSE).stdout
    wrong = tmp_path / "docker-compose.yml"
    wrong.write_text(COMPOSE.read_text().replace("healthcheck:", "heathcheck:", 1))
    done = validated(wrong)
    assert done.returncode == 1
    assert "heathcheck" in done.stdout


@each_service
def test_a_service_is_confined(name: str) -> None:
    service = SERVICES[name]
    user, _, group = service["user"].partition(":")
    assert int(user) > 0
    assert int(group) > 0
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert not {"cap_add", "privileged", "pid", "ipc", "devices"} & set(service)
    assert ("ports" in service) == (name == "proxy"), "nothing else is published"
    assert {"cpus", "memory", "pids"} <= set(service["deploy"]["resources"]["limits"])
    assert re.fullmatch(r"[a-z0-9/]+:\d+\.\d+[\w.-]*(@sha256:[0-9a-f]{64})?", service["image"])


@each_service
def test_a_service_is_checked_or_runs_once(name: str) -> None:
    service = SERVICES[name]
    once = service["restart"] == "no"
    worker = name.startswith("worker")
    assert once != ("healthcheck" in service)
    assert (len(service["security_opt"]) > 1) == worker, "only where parsers run is more allowed"
    for other, how in service.get("depends_on", {}).items():
        runs_once = SERVICES[other]["restart"] == "no"
        assert how["condition"] == ("service_completed_successfully" if runs_once else "service_healthy")


def test_every_network_but_the_proxy_s_is_closed_and_the_servers_share_none() -> None:
    assert [name for name, network in PARSED["networks"].items() if not network.get("internal")] == ["public"]
    assert [name for name, service in SERVICES.items() if "public" in service.get("networks", ())] == [
        "proxy"
    ]
    assert set(SERVICES["proxy"]["networks"]) == {"public", "portal"}, "it reaches no server"
    servers = [set(SERVICES[name]["networks"]) for name in ("store", "catalogue", "broker", "witness")]
    assert all(len(networks) == 1 for networks in servers)
    assert len(set.union(*servers)) == len(servers)
    assert SERVICES["introduce"]["network_mode"] == "none"


def test_of_the_store_s_ports_only_s3_listens_outside_of_its_container() -> None:
    command = SERVICES["store"]["command"]
    assert "-ip.bind=127.0.0.1" in command
    assert [part.partition("=")[0] for part in command if "bind=0." in part] == ["-s3.ip.bind"]
    environment = SERVICES["store"]["environment"]
    assert {"WEED_GRPC_CA", "WEED_GRPC_S3_CERT", "WEED_GRPC_S3_KEY"} <= set(environment)


def test_what_the_public_reaches_holds_no_secret_but_its_own() -> None:
    for name in ("portal-1", "portal-2"):
        service = SERVICES[name]
        assert set(service["secrets"]) == {"portal_s3_key", "catalogue_password"}
        assert "log:/srv/log:ro" in service["volumes"], "the log's public key, and not the other"
        assert not [volume for volume in service["volumes"] if volume.startswith("ledger:")]
        assert service["environment"]["VIDNE_LEDGER_KEY_FILE"] == "/srv/log/ledger.skey"
        assert set(service["networks"]) == {"portal", "store", "catalogue"}
    assert SERVICES["proxy"]["secrets"] == ["portal.pem"]


def test_the_proxy_is_published_to_this_machine_alone_unless_somebody_says_otherwise() -> None:
    [published] = SERVICES["proxy"]["ports"]
    assert published == "${PORTAL_ADDRESS:-127.0.0.1}:${PORTAL_PORT:-8443}:8443"


def test_each_worker_has_a_data_folder_of_its_own() -> None:
    workers = [service for name, service in SERVICES.items() if name.startswith("worker")]
    folders = [volume for worker in workers for volume in worker["volumes"] if volume.endswith(":/srv/vidne")]
    assert len(set(folders)) == len(workers) == 2


@each_service
def test_every_setting_that_is_given_exists_and_no_secret_is_among_them(name: str) -> None:
    known = {item.metadata["env"] for item in fields(Settings)}
    given = SERVICES[name].get("environment", {})
    assert {key for key in given if key.startswith("VIDNE_")} <= known
    assert not [key for key in given if re.search("KEY$|PASSWORD$|SECRET$", key) and "/" not in given[key]
                and key != "VIDNE_S3_ACCESS_KEY"]  # fmt: skip
    if given.get("VIDNE_DATA"):
        Settings.from_environment(given)


def test_every_secret_is_made_whole_for_one_user_and_once(tmp_path: Path) -> None:
    make = [ROOT / "deploy/make-secrets.sh", tmp_path / "secrets"]
    subprocess.run(make, check=True, capture_output=True)
    made = {path.name: path.read_bytes() for path in (tmp_path / "secrets").iterdir()}
    assert set(made) == set(PARSED["secrets"])
    for name, secret in PARSED["secrets"].items():
        assert secret == {"file": f"deploy/secrets/{name}"}
        assert (tmp_path / "secrets" / name).stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700
    subprocess.run(make, check=True, capture_output=True)
    assert made == {path.name: path.read_bytes() for path in (tmp_path / "secrets").iterdir()}
    ignored = subprocess.run(["git", "check-ignore", "-q", "deploy/secrets/s3_key"], cwd=ROOT, check=False)
    assert ignored.returncode == 0


def test_the_containers_filter_forbids_what_the_sandbox_s_own_does_but_for_bubblewrap() -> None:
    (rule,) = json.loads((ROOT / "deploy/seccomp.json").read_text())["syscalls"]
    assert rule["action"] == "SCMP_ACT_ERRNO"
    assert set(rule["names"]) == set(seccomp.DENIED) - OF_BUBBLEWRAP
