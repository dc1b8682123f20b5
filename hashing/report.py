"""What a verification found: each check apart, every defect named, one exit code.

No word here covers for a check that was not made: a check that looked at nothing has failed, and one that
could not be made says why.
"""

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

from evidence.jsontypes import JsonObject


class Status(StrEnum):
    """The outcome of one check."""

    PASS = "pass"  # noqa: S105 - not a password
    FAIL = "fail"
    PENDING = "pending"
    NOT_CHECKED = "not-checked"


class Cause(IntEnum):
    """Why a check did not pass; the value is the exit code."""

    INTEGRITY = 1
    INCOMPLETE = 3
    UNREADABLE = 4
    UNKNOWN_FILE = 5
    TRUST = 6


# Where several causes meet, the first of these decides: what is wrong outweighs what could not be looked at.
_GRAVITY = (Cause.INTEGRITY, Cause.UNREADABLE, Cause.TRUST, Cause.INCOMPLETE, Cause.UNKNOWN_FILE)
_VERDICTS = {
    0: "passed",
    1: "integrity failure",
    3: "authentic but incomplete",
    4: "unreadable",
    5: "unknown file",
    6: "trust material missing",
}


@dataclass(frozen=True, slots=True)
class Defect:
    """One thing that is not as it should be: about what, and how; `pending` where time will mend it."""

    cause: Cause
    subject: str
    what: str
    pending: bool = False
    detail: JsonObject = field(default_factory=dict)

    def as_json(self) -> JsonObject:
        """Its fields, those of `detail` among them."""
        return {"cause": self.cause.name.lower(), "subject": self.subject, "what": self.what, **self.detail}


@dataclass(frozen=True, slots=True)
class Check:
    """One check: `reason` is a sentence for a reader, `checked` how many things it looked at."""

    name: str
    status: Status
    reason: str
    checked: int = 0
    defects: tuple[Defect, ...] = ()

    def as_json(self) -> JsonObject:
        """Name, status, reason, count and defects."""
        return {
            "name": self.name,
            "status": self.status.value,
            "reason": self.reason,
            "checked": self.checked,
            "defects": [defect.as_json() for defect in self.defects],
        }


class Findings:
    """What a check gathers while it goes through everything, defects and all."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._checked = 0
        self._defects: list[Defect] = []

    def looked_at(self, count: int = 1) -> None:
        """Count things that were really compared, whether they were right or not."""
        self._checked += count

    def defect(
        self,
        cause: Cause,
        subject: str,
        what: str,
        *,
        pending: bool = False,
        detail: JsonObject | None = None,
    ) -> None:
        """Note a defect, and go on."""
        self._defects.append(Defect(cause, subject, what, pending, detail or {}))

    def repeat(self, defect: Defect) -> None:
        """Note a defect that was found before."""
        self._defects.append(defect)

    @property
    def has_defects(self) -> bool:
        """Whether any was noted."""
        return bool(self._defects)

    def conclude(self, passed: str) -> Check:
        """The check's outcome; `passed` is its sentence where there was something, and no defect."""
        defects = tuple(self._defects)
        if not defects and not self._checked:
            defects = (Defect(Cause.INCOMPLETE, self._name, "There was nothing to check."),)
        if not defects:
            return Check(self._name, Status.PASS, passed, self._checked)
        status = Status.PENDING if all(defect.pending for defect in defects) else Status.FAIL
        first = defects[0]
        more = f" (and {len(defects) - 1} more)" if len(defects) > 1 else ""
        return Check(self._name, status, f"{first.subject}: {first.what}{more}", self._checked, defects)


def not_checked(name: str, reason: str) -> Check:
    """A check that was not made, and why."""
    return Check(name, Status.NOT_CHECKED, reason)


@dataclass(frozen=True, slots=True)
class VerificationReport:
    """All checks of one subject."""

    subject: str
    checks: tuple[Check, ...]

    @property
    def exit_code(self) -> int:
        """0 where something passed and nothing is wrong or missing, else the code of the gravest cause."""
        causes = {defect.cause for check in self.checks for defect in check.defects}
        if causes:
            return next(cause.value for cause in _GRAVITY if cause in causes)
        passed = any(check.status is Status.PASS for check in self.checks)
        return 0 if passed else Cause.INCOMPLETE.value

    @property
    def is_sound(self) -> bool:
        """Whether something passed, and nothing is wrong but what time will mend."""
        defects = [defect for check in self.checks for defect in check.defects]
        passed = any(check.status is Status.PASS for check in self.checks)
        return passed and all(defect.pending for defect in defects)

    @property
    def verdict(self) -> str:
        """The exit code in words, with the checks that were not made: no pass covers for them."""
        skipped = [check.name for check in self.checks if check.status is Status.NOT_CHECKED]
        words = _VERDICTS[self.exit_code]
        return f"{words}; not checked: {', '.join(skipped)}" if skipped else words

    def as_json(self) -> JsonObject:
        """The report as `--json` prints it."""
        return {
            "subject": self.subject,
            "verdict": self.verdict,
            "exit_code": self.exit_code,
            "checks": [check.as_json() for check in self.checks],
        }
