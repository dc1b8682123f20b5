"""The portal as one application."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from apps.wiring import Application
from evidence.settings import Settings

if TYPE_CHECKING:
    from ingest.uploads import Uploads


@dataclass(frozen=True)
class Portal:
    """What every part of the portal works on."""

    application: Application
    settings: Settings
    uploads: "Uploads"
