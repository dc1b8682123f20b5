"""The one error tree: each error says what happened, to what, and what to do now.

Exit codes are stable (docs/commands.md): scripts rely on them.
"""

from typing import ClassVar


class VidneError(Exception):
    """An error that a person can act on; the command line prints it and ends with `exit_code`."""

    exit_code: ClassVar[int] = 1

    def __init__(self, what: str, *, advice: str = "") -> None:
        """`what` names what happened and to what; `advice` says what to do now."""
        super().__init__(what)
        self.what = what
        self.advice = advice

    def __str__(self) -> str:
        return f"{self.what} {self.advice}".strip()


class UsageError(VidneError):
    """The caller asked for something that cannot be meant: a malformed number, a clash of options."""

    exit_code = 2


class NotFoundError(UsageError):
    """A case, exhibit or job of that name does not exist here."""


class ConflictError(UsageError):
    """The request is well formed, but the state of things forbids it."""


class LinkError(NotFoundError):
    """A link opens nothing: unknown, expired, revoked or used up. Which of these is told to nobody."""

    def __init__(self) -> None:
        """One text for all causes."""
        super().__init__(
            "This link does not work, or not any more.", advice="Ask whoever sent it for a new one."
        )


class SettingsError(UsageError):
    """A setting is missing or cannot be understood."""


class IntegrityError(VidneError):
    """Bytes are not what the record says they are."""

    exit_code = 1


class IncompleteError(VidneError):
    """What is there is authentic, but something that belongs to it is missing."""

    exit_code = 3


class UnreadableError(VidneError):
    """A path, object or archive could not be read."""

    exit_code = 4


class UnavailableError(UnreadableError):
    """A server does not answer at the moment; nobody's fault, and worth trying again."""


class UnknownFileError(VidneError):
    """The file is whole and readable, but no exhibit has these bytes."""

    exit_code = 5


class TrustMaterialError(VidneError):
    """A key or checkpoint that the check needs is missing."""

    exit_code = 6


class StorageFullError(VidneError):
    """The disk, quota or bucket has no room left; nothing that was acknowledged is lost."""


class ObjectExistsError(VidneError):
    """The key is taken by other bytes: objects are created once and never replaced."""


class SandboxError(VidneError):
    """The sandbox in which parsers run cannot be had; no parser runs without it."""


class ToolMissingError(VidneError):
    """A program that the pipeline needs is not installed."""


class InterruptionError(VidneError):
    """A person or the system stopped the command; the text says what is safe."""

    exit_code = 130
