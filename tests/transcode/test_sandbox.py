"""The sandbox, seen from outside and from inside."""

import logging
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from evidence.errors import SandboxError, ToolMissingError
from tests.system.program import is_alive
from transcode.sandbox import Command, Limits, output_file, run, self_check, start


def children(pid: int) -> list[int]:
    """The living children of a process, as the kernel lists them."""
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except (FileNotFoundError, ProcessLookupError):  # it may end between opening and reading
        return []
    return [int(word) for word in text.split()]


def descendants(pid: int) -> list[int]:
    found = children(pid)
    return found + [below for child in found for below in descendants(child)]


def named(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except (FileNotFoundError, ProcessLookupError):  # it may end between opening and reading
        return ""


def await_named(root: int, name: str) -> int:
    """The pid of a descendant of `root` that runs `name`, once there is one."""
    for _ in range(500):
        for pid in descendants(root):
            if named(pid) == name:
                return pid
        time.sleep(0.01)
    raise AssertionError(f"{name} never began")


def await_death(pid: int) -> bool:
    for _ in range(500):
        if not is_alive(pid):
            return True
        time.sleep(0.01)
    return False


def shell(script: str, **given: object) -> Command:
    return Command(["bash", "-c", script], **given)  # type: ignore[arg-type]


def test_the_kernel_says_that_a_child_is_confined() -> None:
    with start(Command(["sleep", "30"])):
        pid = await_named(os.getpid(), "sleep")
        status = dict(line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    assert status["Seccomp"] == "2"
    assert status["NoNewPrivs"] == "1"
    assert {int(status[name], 16) for name in ("CapEff", "CapPrm", "CapInh", "CapAmb")} == {0}


def test_the_self_check_finds_what_the_kernel_says() -> None:
    found = self_check()
    assert found.is_confined
    assert (found.seccomp, found.no_new_privs, found.capabilities) == (2, 1, 0)
    assert found.interfaces == ("lo",)


def test_a_file_that_is_no_input_cannot_be_read(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    canary.write_text("secret of another case")
    source = tmp_path / "source"
    source.write_text("mine")
    neighbours = shell(
        f"cat /in/src; cat {canary} /in/canary /in/../canary /proc/1/root{canary}; ls /in",
        inputs={"src": source},
    )
    finished = run(neighbours)
    assert finished.stdout == b"minesrc\n"
    assert "No such file" in finished.stderr


def test_a_listener_on_this_machine_is_never_reached() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.3)
        port = listener.getsockname()[1]
        finished = run(shell(f"echo hello > /dev/tcp/127.0.0.1/{port}"))
        assert not finished.ok
        with pytest.raises(TimeoutError):
            listener.accept()


def test_the_input_cannot_be_changed(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_text("original")
    finished = run(shell("echo x > /in/src; rm -f /in/src; chmod 777 /in/src", inputs={"src": source}))
    assert not finished.ok
    assert source.read_text() == "original"
    assert not run(shell("touch /usr/bin/planted")).ok


def test_the_environment_is_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIDNE_SECRET", "token")
    names = {line.split(b"=")[0] for line in run(Command(["env"])).stdout.splitlines()}
    assert names <= {b"PATH", b"LC_ALL", b"PWD"}


def test_no_descriptor_of_ours_is_inherited(tmp_path: Path) -> None:
    with (tmp_path / "ledger").open("w") as file:
        inherited = os.dup2(file.fileno(), 77, inheritable=True)
        finished = run(shell("echo /proc/self/fd/*"))
        os.close(inherited)
    numbers = {int(Path(word).name) for word in finished.stdout.decode().split()}
    assert numbers <= {0, 1, 2, 3}  # 3: the folder that is being listed


def test_a_descriptor_that_is_passed_reaches_the_child() -> None:
    reading, writing = os.pipe()
    finished = run(shell(f"echo progress >&{writing}", pass_fds=(writing,)))
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        assert pipe.read() == b"progress\n"
    assert finished.ok


@pytest.mark.parametrize(
    "attempt",
    [
        "unshare --user true",
        "unshare --mount true",
        "mount -t tmpfs x /tmp",
        "chroot /tmp true",
        "nsenter -t 1 -m true",
    ],
)
def test_no_namespace_mount_or_root_can_be_had(attempt: str) -> None:
    assert run(shell(attempt)).returncode != 0


@pytest.mark.parametrize(
    "call",
    [
        "l.ptrace(0, 0, 0, 0)",
        "l.syscall(425, 8, 0)",  # io_uring_setup
        "l.syscall(321, 0, 0, 0)",  # bpf
        "l.prctl(1, 0)",  # clears the signal by which a child dies with its parent
        "l.socket(2, 1, 0)",  # IPv4
        "l.socket(16, 3, 0)",  # netlink
        "l.syscall(56, 0x10000011, 0, 0, 0, 0)",  # clone with a new user namespace
    ],
)
@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the numbers of system calls are those of x86-64")
def test_a_denied_system_call_fails(call: str) -> None:
    script = f"import ctypes; l = ctypes.CDLL(None, use_errno=True); r = {call}; print(r, ctypes.get_errno())"
    finished = run(Command([sys.executable, "-I", "-c", script], python=True))
    assert finished.stdout.split() in ([b"-1", b"1"], [b"-1", b"38"]), finished.stderr


def test_nothing_lives_on_after_the_parent_is_killed() -> None:
    script = (
        "from transcode.sandbox import *\n"
        "run(Command(['bash', '-c', 'sleep 300 & setsid sleep 301 & sleep 302']))\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script])
    await_named(parent.pid, "sleep")
    time.sleep(0.2)
    below = descendants(parent.pid)
    assert [named(pid) for pid in below].count("sleep") == 3
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    assert all(await_death(pid) for pid in below)


def test_a_parser_that_hangs_is_ended_by_the_watchdog() -> None:
    finished = run(Command(["sleep", "60"], limits=Limits(wall_s=0.3)))
    assert finished.timed_out
    assert finished.wall_s < 5
    assert "stopped after" in finished.explain()


def test_a_stopped_parser_is_ended_by_the_watchdog() -> None:
    with start(Command(["sleep", "60"], limits=Limits(wall_s=1))) as child:
        pid = await_named(os.getpid(), "sleep")
        os.kill(pid, signal.SIGSTOP)
        assert child.wait().timed_out
    assert await_death(pid)


def test_leaving_the_block_ends_the_child() -> None:
    with start(Command(["sleep", "60"])):
        pid = await_named(os.getpid(), "sleep")
    assert await_death(pid)


def test_each_limit_ends_the_child(tmp_path: Path) -> None:
    limits = Limits(cpu_s=1, file_bytes=1024**2, memory_bytes=256 * 1024**2, wall_s=20)
    assert run(shell("while :; do :; done", limits=limits)).returncode in (
        -signal.SIGKILL,
        128 + signal.SIGKILL,
    )
    assert not run(shell("head -c 2000000 /dev/zero > /out/big", out=tmp_path, limits=limits)).ok
    assert (tmp_path / "big").stat().st_size <= 1024**2
    assert not run(shell("x=$(head -c 400000000 /dev/zero | tr '\\0' a); echo ${#x}", limits=limits)).ok


def test_one_that_says_too_much_is_ended() -> None:
    finished = run(Command(["yes"]), stdout_limit=1000)
    assert finished.stopped == "output"
    assert len(finished.stdout) == 1000


def test_standard_error_is_bounded_and_printable() -> None:
    finished = run(shell(r"head -c 1000000 /dev/zero | tr '\0' 'a' >&2; printf '\e[31mred\u202e\n' >&2"))
    assert len(finished.stderr) <= 64 * 1024
    assert finished.stderr.endswith("\\x1b[31mred\\u{202e}")


def test_the_cpu_time_of_the_child_is_known() -> None:
    finished = run(shell("for ((i = 0; i < 200000; i++)); do :; done"))
    assert finished.cpu_s > 0.05


def test_background_work_has_a_lower_priority() -> None:
    ours = os.getpriority(os.PRIO_PROCESS, 0)
    assert int(run(Command(["nice"])).stdout) == ours
    assert int(run(Command(["nice"], background=True)).stdout) == min(19, ours + 9)


def test_a_child_is_of_our_session_so_that_its_priority_is_weighed_against_ours() -> None:
    """Linux weighs sessions first (autogroups, sched(7)): niceness counts only within one."""
    with start(shell("echo; sleep 20")) as child:
        assert child.stdout.readline() == b"\n"
        inside = await_named(os.getpid(), "sleep")
        assert os.getsid(inside) == os.getsid(0)
        child.kill()


def test_a_child_cannot_reach_the_terminal() -> None:
    script = "echo typed >/dev/tty; cat </dev/tty"
    ours = f"from transcode.sandbox import *; print(run(Command(['bash', '-c', {script!r}])).explain())"
    bare = subprocess.run(["script", "-qec", "echo typed >/dev/tty", "/dev/null"], stdout=-1, check=True)
    assert b"typed" in bare.stdout, "there is a terminal"
    confined = subprocess.run(
        ["script", "-qec", f"{sys.executable} -c {shlex.quote(ours)}", "/dev/null"],
        stdout=subprocess.PIPE,
        check=True,
        timeout=30,
    )
    assert b"typed" not in confined.stdout


def test_each_start_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger="transcode.sandbox"):
        run(Command(["true"]))
    assert [record.getMessage().split()[:2] for record in caplog.records] == [["start", "true"]]


@pytest.fixture
def path_of_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all of PATH, with prlimit in it."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "prlimit").symlink_to("/usr/bin/prlimit")
    (folder / "true").symlink_to("/usr/bin/true")
    monkeypatch.setenv("PATH", str(folder))
    return folder


def test_without_bubblewrap_nothing_is_run(path_of_programs: Path) -> None:
    with pytest.raises(ToolMissingError, match="apt-get install bubblewrap"):
        run(Command(["true"]))


def test_where_the_sandbox_fails_the_parser_is_not_run_bare(path_of_programs: Path) -> None:
    fake = path_of_programs / "bwrap"
    fake.write_text("#!/bin/sh\necho 'bwrap: No permissions to create a new namespace' >&2\nexit 1\n")
    fake.chmod(0o755)
    with pytest.raises(SandboxError, match="No permissions"):
        run(Command(["true"]))


def test_an_output_that_is_a_link_is_no_output(tmp_path: Path) -> None:
    run(shell("ln -s /etc/passwd /out/working.mp4; mkfifo /out/pipe; echo x > /out/file", out=tmp_path))
    assert output_file(tmp_path, "working.mp4") is None
    assert output_file(tmp_path, "pipe") is None
    assert output_file(tmp_path, "absent") is None
    assert output_file(tmp_path, "file") == tmp_path / "file"
