"""Wiring of uploads: where their bytes lie is chosen here."""

from datetime import timedelta

from apps.wiring import Application
from evidence.catalogue.engine import Catalogue
from evidence.catalogue.sqlite import open_catalogue
from ingest.upload_filing import Filer
from ingest.upload_folder import FolderUploads
from ingest.upload_spool import UploadSpool
from ingest.upload_store import StoreUploads
from ingest.upload_sweep import UploadSweep
from ingest.uploads import Uploads

_PATIENCE_S = 5  # of people: a locked catalogue is told them sooner than a worker takes note of it


def wire_uploads(app: Application) -> Uploads:
    """On many machines that share a store their bytes lie in it, else in the data folder of each machine."""
    settings = app.settings
    shares = bool(settings.catalogue_url and settings.store_url)
    home = "" if shares else app.home
    spool: UploadSpool
    if shares:
        spool = StoreUploads(app.catalogue, app.store, settings.uploads_path)
    else:
        spool = FolderUploads(settings.uploads_path, settings.spool_path)
    filer = Filer(app.catalogue, spool, clock=app.clock, home=home)
    return Uploads(
        hasty_catalogue(app),
        spool,
        filer,
        UploadSweep(app.catalogue, spool, filer, clock=app.clock, home=home),
        clock=app.clock,
        kept=timedelta(hours=settings.portal_upload_hours),
        largest=settings.portal_largest_file,
        home=home,
    )


def hasty_catalogue(app: Application) -> Catalogue:
    """The same catalogue for who has people waiting: where it is locked, it says so after some seconds."""
    app.catalogue  # noqa: B018 - first, for it may have to be made or migrated
    settings = app.settings
    if not settings.catalogue_url:
        return open_catalogue(settings.catalogue_path, patience=_PATIENCE_S)
    from evidence.catalogue.postgres import open_server_catalogue  # noqa: PLC0415 - where it is needed

    password_file = settings.catalogue_password_file
    return open_server_catalogue(settings.catalogue_url, password_file, patience=_PATIENCE_S)
