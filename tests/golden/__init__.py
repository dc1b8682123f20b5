"""Packages as they were written once: what verified then verifies for ever, what did not never will."""
