"""Measurements against the bare tools on the same input in the same run."""
