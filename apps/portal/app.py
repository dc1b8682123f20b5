"""What every part of the portal works on."""

from dataclasses import dataclass

from apps.wiring import Application
from evidence.settings import Settings
from ingest.uploads import Uploads

_PATIENCE_S = 5  # of people


@dataclass(frozen=True)
class Portal:
    """What every part of the portal works on."""

    application: Application
    settings: Settings
    uploads: Uploads


def open_portal(settings: Settings) -> Portal:
    """The portal on the data folder and servers of the settings; raises VidneError where one is missing."""
    application = Application(settings, patience=_PATIENCE_S)
    # Made here and not by whichever thread asks first: two would make it twice.
    _ = application.catalogue, application.store, application.ledger, application.tree, settings.zone
    return Portal(application, settings, application.uploads)
