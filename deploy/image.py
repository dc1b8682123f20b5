"""`make test-image`: the Dockerfile without an engine, in a bare Debian, and the program in it, confined.

Each stage is a folder that debootstrap made; RUN, COPY, ENV, WORKDIR, USER and SHELL are done as they stand.
Then the program runs in the last one as in a container of docker-compose.yml: its user, no capability, no new
privileges, read-only root, deploy/seccomp.json; once with a /proc of its own, once with Docker's masks on it,
which doctor has to tell. Needs root and Debian.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

ROOT = Path(__file__).parents[1]
_CERTIFICATES = "/root/registries.crt"  # in the new root; what lies in /etc/ssl a package may write anew
_NETWORK = ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
# What Docker lays over a container's /proc, unless it is told systempaths=unconfined.
_MASKS = """
for path in kcore keys timer_list; do test ! -e /proc/$path || mount --bind /dev/null /proc/$path; done
mount --bind /proc/sys /proc/sys; mount -o remount,bind,ro /proc/sys
"""
_ENTER = """
mount --make-rprivate /; mount --bind "$1" "$1"; mkdir -p "$1/.old"
mount -t proc proc "$1/proc"; mount --rbind /dev "$1/dev"
cd "$1"; /usr/sbin/pivot_root . .old; umount -l /.old; rmdir /.old
"""
# A container that compose makes: the volumes are writable, all else is not.
_CONFINE = """
mount -t tmpfs -o mode=1777 tmpfs /tmp
mount -t tmpfs -o mode=0700,uid=10001,gid=10001 tmpfs /srv/vidne
mount -o remount,bind,ro /
"""
_SECCOMP = """
import json, os, sys, pyseccomp
profile = json.loads(sys.argv[1])
rules = pyseccomp.SyscallFilter(pyseccomp.ALLOW)
for rule in profile["syscalls"]:
    for name in rule["names"]:
        if pyseccomp.resolve_syscall(pyseccomp.system_arch(), name) >= 0:
            rules.add_rule(pyseccomp.ERRNO(rule["errnoRet"]), name)
rules.load()
os.execvp(sys.argv[2], sys.argv[2:])
"""


@dataclass(frozen=True)
class Stage:
    """A stage as far as it is made."""

    root: Path
    shell: tuple[str, ...] = ("/bin/sh", "-c")
    directory: str = "/"
    user: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)


def instructions(text: str) -> Iterator[tuple[str, str]]:
    """The instructions of a Dockerfile, each with what stands behind it, continued lines joined."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    for line in re.sub(r"\\\n", " ", "\n".join(lines)).splitlines():
        name, _, rest = line.strip().partition(" ")
        if name:
            yield name, rest.strip()


class Build:
    """The stages of a Dockerfile, made one after the other below a folder."""

    def __init__(self, folder: Path) -> None:
        """Makes a bare Debian first."""
        self._folder = folder
        self._bare = folder / "bare"
        self._stages: dict[str, Stage] = {}
        _bare_debian(self._bare)

    def run(self, text: str) -> Stage:
        """Do all that the Dockerfile in `text` says; the last stage."""
        stage = Stage(self._bare)
        for name, rest in instructions(text):
            print(f"{name} {rest[:100]}", flush=True)
            if name == "FROM":
                stage = self._from(rest)
            elif name == "RUN":
                enter(stage, [*stage.shell, rest], network=True)
            elif name == "COPY":
                self._copy(stage, shlex.split(rest))
            elif name == "SHELL":
                stage = replace(stage, shell=tuple(json.loads(rest)))
            elif name == "WORKDIR":
                stage = replace(stage, directory=rest)
                (stage.root / rest.lstrip("/")).mkdir(parents=True, exist_ok=True)
            elif name == "USER":
                stage = replace(stage, user=rest)
            elif name == "ENV":
                given = dict(part.split("=", 1) for part in shlex.split(rest))
                stage = replace(stage, environment={**stage.environment, **given})
            elif name not in ("ARG", "HEALTHCHECK", "ENTRYPOINT", "CMD"):
                raise SystemExit(f"{name} is not known here.")
        return stage

    def _from(self, rest: str) -> Stage:
        words = rest.split()
        name = words[2] if len(words) > 2 else "last"
        root = self._folder / name
        subprocess.run(["cp", "-a", self._bare, root], check=True)
        self._stages[name] = Stage(root)
        return self._stages[name]

    def _copy(self, stage: Stage, words: list[str]) -> None:
        source = ROOT
        if words[0].startswith("--from="):
            source = self._stages[words.pop(0).removeprefix("--from=")].root
        *names, target = words
        for name in names:
            path = source / name.lstrip("/")
            into = stage.root / os.path.join(stage.directory, target).lstrip("/")  # noqa: PTH118
            if path.is_dir():
                shutil.copytree(path, into, symlinks=True, dirs_exist_ok=True, ignore=_not_compiled)
                continue
            if target.endswith("/"):
                into = into / path.name
            into.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, into)


def _not_compiled(folder: str, names: list[str]) -> list[str]:
    """What .dockerignore leaves out of the folders that are copied."""
    made = ("__pycache__", "node_modules", "built")
    return [n for n in names if (n in made or n.endswith(".mo")) and folder.startswith(str(ROOT))]


def _bare_debian(root: Path) -> None:
    """As the slim image of the release that runs here, from the mirror that this machine uses."""
    release = dict(
        line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if "=" in line
    )
    codename = release["VERSION_CODENAME"]
    sites = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(SITE)", f"Codename: {codename}"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    command = ["debootstrap", "--variant=minbase", "--include=ca-certificates", codename, str(root)]
    subprocess.run([*command, *sites[:1]], check=True, stdout=subprocess.DEVNULL)
    # This machine's way to its registries comes along.
    for name in ("resolv.conf", "apt/sources.list", "apt/sources.list.d", "apt/apt.conf.d"):
        path, into = Path("/etc") / name, root / "etc" / name
        if path.is_dir():
            shutil.rmtree(into, ignore_errors=True)
            shutil.copytree(path, into)
        elif path.exists():
            shutil.copyfile(path, into)
        else:
            into.unlink(missing_ok=True)
    shutil.copyfile("/etc/ssl/certs/ca-certificates.crt", root / _CERTIFICATES.lstrip("/"))


def enter(
    stage: Stage,
    command: Sequence[str],
    *,
    network: bool = False,
    confined: bool = False,
    masked: bool = False,
) -> int:
    """Run a command with the stage as its root; without `confined` as root, and it has to end 0."""
    environment = {"PATH": os.defpath + ":/usr/sbin:/sbin", "HOME": "/root", **stage.environment}
    if network:
        environment |= dict.fromkeys(_NETWORK, _CERTIFICATES)
    script = _ENTER + (_MASKS if masked else "") + (_CONFINE if confined else "")
    argv = list(command)
    if confined:
        profile = (ROOT / "deploy/seccomp.json").read_text()
        flags = ["--reuid", "10001", "--regid", "10001", "--clear-groups", "--bounding-set", "-all"]
        flags += ["--inh-caps", "-all", "--no-new-privs", "--"]
        argv = ["setpriv", *flags, "/opt/vidne/bin/python", "-c", _SECCOMP, profile, *argv]
    unshare = ["unshare", "--mount", "--pid", "--ipc", "--fork", "--kill-child"]
    if confined:
        unshare.append("--net")
    script += 'shift; cd "$1"; shift; exec "$@"'
    full = [*unshare, "bash", "-euc", script, "_", str(stage.root), stage.directory, *argv]
    done = subprocess.run(full, env=environment, stdin=subprocess.DEVNULL, check=False)
    if done.returncode and not confined:
        raise SystemExit(f"It ended {done.returncode}: {command[-1]}")
    return done.returncode


def main() -> None:
    """Build, then run the program in what was built."""
    if os.getuid():
        raise SystemExit("A new root takes root: sudo make test-image")
    folder = Path(tempfile.mkdtemp(prefix="vidne-image-", dir="/var/tmp"))
    try:
        stage = Build(folder).run((ROOT / "Dockerfile").read_text())
        print("\nConfined as docker-compose.yml has it:", flush=True)
        health = ["vidne", "doctor", "--only", "sandbox", "--only", "data folder"]
        codes = [enter(stage, health, confined=True), enter(stage, ["vidne", "demo"], confined=True)]
        print("\nWith Docker's masks over /proc, which compose lifts:", flush=True)
        refused = enter(stage, health, confined=True, masked=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if any(codes) or refused != 1:
        raise SystemExit(
            f"vidne doctor and demo ended {codes}, doctor behind masks {refused}: 0, 0, 1 expected."
        )
    print("\nThe image's steps run, its sandbox works confined, and doctor tells where it can't.")


if __name__ == "__main__":
    main()
