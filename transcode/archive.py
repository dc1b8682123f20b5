"""ZIP archives: what is in one, and its members' bytes, read by a child in the sandbox (archive_child.py).

Nothing is unpacked to a path: a member's bytes come out of the child as a stream, its name is data.
"""

import json
import struct
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from evidence.errors import VidneError
from evidence.text import printable
from transcode.archive_rules import ENTRIES, Entry, Listing, judge, refusal
from transcode.child import Child
from transcode.sandbox import Command, Limits, run, start
from transcode.values import json_object, whole

_CHILD = Path(__file__).with_name("archive_child.py")  # runs in the sandbox; never imported here
_BEGIN, _DATA, _END, _FAILED, _FINISHED = range(1, 6)
_HEADER = struct.Struct(">BQ")
_CHUNK = 1024**2
_GIB = 1024**3
_LIST_BYTES = 64 * 1024**2
_FIELDS = 7
_SLOWEST = 5 * 1024**2  # bytes a second, below which a child counts as hung


class DamagedMemberError(VidneError):
    """A member's bytes cannot be read whole, or are not those of which the archive has the checksum.

    `what` is part of a sentence: it is said of the member, with what to do, where the archive is shown.
    """


def look(source: Path) -> Listing:
    """What is in the archive at `source`, judged by `archive_rules`; raises SandboxError, VidneError."""
    finished = run(
        Command(
            [sys.executable, "-I", "-B", "/in/archive_child.py", "list", str(ENTRIES)],
            inputs={"src": source, "archive_child.py": _CHILD},
            limits=Limits(cpu_s=120, wall_s=180, memory_bytes=2 * _GIB),
            python=True,
        ),
        stdout_limit=_LIST_BYTES,
    )
    if not finished.ok and finished.stopped != "output":
        raise VidneError(
            f"The program that opens the archive did not come to its end. {finished.explain()}",
            advice="Send the files in it.",
        )
    answer = json_object(finished.stdout) if finished.ok else {}
    told, count, end = answer.get("told"), whole(answer.get("entries")), whole(answer.get("directory_at"))
    if not isinstance(told, list) or count is None or end is None:
        said = f" ({printable(str(answer['failed']))})" if "failed" in answer else ""
        return refusal(f"its directory is cut or damaged{said}")
    entries = [entry for place, line in enumerate(told) if (entry := _entry(place, line))]
    if len(entries) != len(told):
        return refusal("its directory is damaged")
    return judge(entries, count=count, directory_at=end, size=source.stat().st_size)


class Reader:
    """The planned members of an archive, in their order: `next_entry`, then `chunks` of its bytes."""

    def __init__(self, child: Child, plan: Sequence[Entry]) -> None:
        """`child` was started to read `plan`."""
        self._child = child
        self._stream: BinaryIO = child.stdout
        self._plan = list(plan)

    def next_entry(self) -> Entry | None:
        """The member whose bytes follow, or None after the last; raises VidneError where the child failed."""
        kind, number = self._header()
        if kind == _FINISHED and not self._plan:
            return None
        if kind != _BEGIN or not self._plan or number != self._plan[0].place:
            raise self._broken()
        return self._plan.pop(0)

    def chunks(self, entry: Entry) -> Iterator[bytes]:
        """The bytes of the member that `next_entry` gave.

        Raises DamagedMemberError where they are not whole, VidneError where the child failed.
        """
        left = entry.size
        while True:
            kind, number = self._header()
            if kind == _DATA and number <= min(left, _CHUNK):
                left -= number
                yield self._exactly(number)
            elif kind == _END and not left:
                return
            elif kind == _END:
                raise DamagedMemberError(f"it is cut: {left} of its {entry.size} bytes are missing")
            elif kind == _FAILED and number <= _CHUNK:
                said = self._exactly(number).decode("utf-8", "replace")
                raise DamagedMemberError(f"it is damaged ({said})")
            else:
                raise self._broken()

    def _header(self) -> tuple[int, int]:
        kind, number = _HEADER.unpack(self._exactly(_HEADER.size))
        return kind, number

    def _exactly(self, size: int) -> bytes:
        data = self._stream.read(size)
        if len(data) != size:
            raise self._broken()
        return data

    def _broken(self) -> VidneError:
        self._child.kill()
        ended = self._child.wait().explain()
        return VidneError(
            f"The program that opens the archive did not come to its end. {ended}",
            advice="Send the files in it.",
        )


@contextmanager
def reading(source: Path, plan: Sequence[Entry], work: Path) -> Iterator[Reader]:
    """Read the members of `plan`; a file of the plan is left in `work`. Raises SandboxError."""
    path = work / "plan.json"
    path.write_text(json.dumps([entry.place for entry in plan]), encoding="ascii")
    seconds = 300 + sum(entry.size for entry in plan) // _SLOWEST
    command = Command(
        [sys.executable, "-I", "-B", "/in/archive_child.py", "read"],
        inputs={"src": source, "archive_child.py": _CHILD, "plan": path},
        limits=Limits(cpu_s=seconds, wall_s=2 * seconds, memory_bytes=2 * _GIB, file_bytes=1024**2),
        python=True,
    )
    with start(command) as child:
        yield Reader(child, plan)


def _entry(place: int, line: object) -> Entry | None:
    if not isinstance(line, list) or len(line) != _FIELDS or not isinstance(line[0], str):
        return None
    numbers = [whole(value) for value in line[1:]]
    if any(number is None or number < 0 for number in numbers):
        return None
    try:
        name = line[0].encode("latin-1")
    except UnicodeEncodeError:
        return None
    size, packed, offset, method, flags, mode = (number or 0 for number in numbers)
    return Entry(place, name, size, packed, offset, method, flags, mode)
