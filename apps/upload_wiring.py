"""Wiring of uploads: where their bytes lie is chosen here."""

from datetime import timedelta

from apps.wiring import Application
from ingest.upload_filing import Filer
from ingest.upload_folder import FolderUploads
from ingest.upload_spool import UploadSpool
from ingest.upload_store import StoreUploads
from ingest.upload_sweep import UploadSweep
from ingest.uploads import Uploads


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
        app.catalogue,
        spool,
        filer,
        UploadSweep(app.catalogue, spool, filer, clock=app.clock, home=home),
        clock=app.clock,
        kept=timedelta(hours=settings.portal_upload_hours),
        largest=settings.portal_largest_file,
        home=home,
    )
