"""Digests, manifests, the ledger and their verification: no object store, no ffmpeg, no SQL."""
