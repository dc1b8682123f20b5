"""The object store and what keeps objects: keys, locks, tags."""
