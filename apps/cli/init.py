"""vidne init: what an installation needs, where it is missing: bucket, catalogue, the ledger's key."""

import click

from apps.cli.main import Context, echo_json, json_option, pass_context


@click.command()
@json_option
@pass_context
def command(context: Context, *, as_json: bool) -> int:
    """Make what is missing of an installation, and show that the store's lock holds; may be run again.

    Needs a key of the S3 store that may make buckets; no other command does. Prints the log's vkey, which
    witnesses need to know it.
    """
    app = context.application
    settings = app.settings
    made = False
    if settings.store_url:
        from retention.s3_client import make_bucket  # noqa: PLC0415 - the client is slow to import

        made = make_bucket(settings.store_url, settings)
    app.require_store(anew=True)
    vkey = app.signer.verifier.vkey
    if as_json:
        echo_json({"bucket_made": made, "worm": app.store.is_worm, "vkey": vkey})
    else:
        click.echo(vkey)
    return 0
