"""The Dockerfile: linted; its base exact, its user not root, its files what the package is made of."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

from deploy.image import instructions
from deploy.services import ROOT

DOCKERFILE = ROOT / "Dockerfile"
HADOLINT = shutil.which("hadolint", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")


def linted(path: Path) -> subprocess.CompletedProcess[str]:
    assert HADOLINT
    return subprocess.run([HADOLINT, path], capture_output=True, text=True, check=False)


def test_it_is_linted_and_a_mistake_would_be_found(tmp_path: Path) -> None:
    assert linted(DOCKERFILE).stdout == ""
    wrong = tmp_path / "Dockerfile"
    wrong.write_text(DOCKERFILE.read_text().replace("ENTRYPOINT [", "ENTRYPOINT vidne #["))
    assert linted(wrong).returncode == 1


def test_its_base_is_exact_and_its_user_is_nobody_of_importance() -> None:
    found = list(instructions(DOCKERFILE.read_text()))
    (base,) = [rest for name, rest in found if name == "ARG"]
    assert re.fullmatch(r"BASE=debian:\d+\.\d+-slim(@sha256:[0-9a-f]{64})?", base)
    assert {rest.split()[0] for name, rest in found if name == "FROM"} == {"${BASE}"}
    assert [rest for name, rest in found if name == "USER"] == ["10001:10001"]


def test_every_package_of_the_program_is_copied() -> None:
    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["uv"]["build-backend"]
    copied = [rest.split() for name, rest in instructions(DOCKERFILE.read_text()) if name == "COPY"]
    assert {names[0] for names in copied if names[0] == names[-1]} == set(build["module-name"])


def test_the_image_s_lock_is_a_part_of_the_one_lock() -> None:
    def pinned(path: Path) -> set[str]:
        return set(re.findall(r"^[\w.-]+==\S+", path.read_text(), re.MULTILINE))

    whole, part = pinned(ROOT / "requirements.lock"), pinned(ROOT / "deploy/requirements.lock")
    assert part < whole
    assert not [name for name in part if name.startswith(("pytest==", "playwright=="))]
