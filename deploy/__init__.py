"""Bringing Vidne up: images, manifests, and the same services as processes."""
