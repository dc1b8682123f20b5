"""Footage in, files and a report out: every parser runs here, in a sandbox."""
