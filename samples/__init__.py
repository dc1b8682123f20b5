"""Tiny generated clips, their generator and their digests."""
