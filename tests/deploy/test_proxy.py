"""deploy/haproxy.cfg: understood by the HAProxy that is installed, and what it is for."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from deploy.services import ROOT

CONFIGURATION = ROOT / "deploy/haproxy.cfg"
HAPROXY = shutil.which("haproxy", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    subprocess.run([ROOT / "deploy/make-secrets.sh", tmp_path / "secrets"], check=True, capture_output=True)
    return tmp_path / "secrets"


def checked(path: Path, secrets: Path) -> subprocess.CompletedProcess[str]:
    assert HAPROXY, "make test installs it"
    given = {
        "PROXY_LISTEN": "127.0.0.1:8443",
        "PROXY_CERTIFICATE": str(secrets / "portal.pem"),
        "PORTAL_1": "127.0.0.1:8081",
        "PORTAL_2": "127.0.0.1:8082",
    }
    command = [HAPROXY, "-c", "-f", str(path)]
    return subprocess.run(command, env=given, capture_output=True, text=True, check=False)


def test_it_is_valid_and_a_mistake_would_be_found(tmp_path: Path, secrets: Path) -> None:
    done = checked(CONFIGURATION, secrets)
    assert done.returncode == 0, done.stderr
    wrong = tmp_path / "haproxy.cfg"
    wrong.write_text(CONFIGURATION.read_text().replace("balance", "ballance"))
    assert checked(wrong, secrets).returncode == 1


def test_its_log_has_neither_address_nor_path_nor_header() -> None:
    [form] = re.findall(r' log-format "(.*)"', CONFIGURATION.read_text())
    [of_errors] = re.findall(r'error-log-format "(.*)"', CONFIGURATION.read_text())
    assert "src" not in of_errors, "the form that it has by itself begins with the address"
    assert set(re.findall(r"%\S+", form)) == {"%HM", "%ST", "%B", "%Ta", "%ts", "%s"}
    assert "capture" not in CONFIGURATION.read_text()


def test_an_address_that_a_visitor_made_up_is_replaced() -> None:
    assert "http-request set-header X-Forwarded-For %[src]" in CONFIGURATION.read_text()
    assert "forwardfor" not in CONFIGURATION.read_text(), "that would add to what came"
