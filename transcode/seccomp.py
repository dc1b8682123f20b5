"""The system calls that no parser needs, as a filter for bubblewrap."""

import errno
import os
from functools import lru_cache
from io import FileIO

from evidence.errors import SandboxError

# Kernel interfaces with a history of holes, or that reach other processes, mounts, keys or devices.
DENIED = (
    "acct",
    "add_key",
    "adjtimex",
    "bpf",
    "chroot",
    "clock_adjtime",
    "clock_settime",
    "create_module",
    "delete_module",
    "fanotify_init",
    "finit_module",
    "fsconfig",
    "fsmount",
    "fsopen",
    "fspick",
    "init_module",
    "io_uring_enter",
    "io_uring_register",
    "io_uring_setup",
    "ioperm",
    "iopl",
    "kcmp",
    "kexec_file_load",
    "kexec_load",
    "keyctl",
    "lookup_dcookie",
    "mount",
    "mount_setattr",
    "move_mount",
    "move_pages",
    "name_to_handle_at",
    "nfsservctl",
    "open_by_handle_at",
    "open_tree",
    "perf_event_open",
    "pidfd_getfd",
    "pivot_root",
    "process_madvise",
    "process_vm_readv",
    "process_vm_writev",
    "ptrace",
    "query_module",
    "quotactl",
    "reboot",
    "request_key",
    "setdomainname",
    "sethostname",
    "setns",
    "settimeofday",
    "stime",
    "swapoff",
    "swapon",
    "syslog",
    "umount",
    "umount2",
    "unshare",
    "uselib",
    "userfaultfd",
    "vhangup",
    "vm86",
    "vm86old",
)
_NEW_NAMESPACES = 0x7E020000  # the CLONE_NEW* bits of clone's flags, NEWTIME aside
_TIOCSTI = 0x5412  # types into the controlling terminal
_PR_SET_PDEATHSIG = 1  # a child must not escape its parent's death
_AF_UNIX = 1


@lru_cache(maxsize=1)
def _filter_bytes() -> bytes:
    import pyseccomp  # noqa: PLC0415 - looks for libseccomp as it is imported, and raises where there is none

    denied = pyseccomp.ERRNO(errno.EPERM)
    rules = pyseccomp.SyscallFilter(pyseccomp.ALLOW)
    for name in DENIED:
        # A name that this machine's kernel interface never had needs no rule.
        if pyseccomp.resolve_syscall(pyseccomp.system_arch(), name) >= 0:
            rules.add_rule(denied, name)
    argument = pyseccomp.Arg
    masked = pyseccomp.MASKED_EQ
    for bit in range(32):
        if _NEW_NAMESPACES & (1 << bit):
            rules.add_rule(denied, "clone", argument(0, masked, 1 << bit, 1 << bit))
    # clone3 hides its flags behind a pointer; the C library falls back to clone when it is not there.
    rules.add_rule(pyseccomp.ERRNO(errno.ENOSYS), "clone3")
    rules.add_rule(denied, "ioctl", argument(1, masked, 0xFFFFFFFF, _TIOCSTI))
    rules.add_rule(denied, "prctl", argument(0, pyseccomp.EQ, _PR_SET_PDEATHSIG))
    rules.add_rule(denied, "socket", argument(0, pyseccomp.NE, _AF_UNIX))
    with FileIO(os.memfd_create("filter"), "r+") as file:
        rules.export_bpf(file)
        file.seek(0)
        return file.readall()


def open_filter() -> int:
    """A file descriptor on the compiled filter, at its start; the caller closes it.

    Each start needs its own: a shared one would be read to its end by the first.
    Raises SandboxError where libseccomp cannot build the filter.
    """
    try:
        program = _filter_bytes()
    except (OSError, RuntimeError) as error:
        raise SandboxError(
            f"The system call filter cannot be built: {error}.", advice="Install libseccomp2 (2.5 or later)."
        ) from error
    descriptor = os.memfd_create("seccomp")
    os.write(descriptor, program)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor
