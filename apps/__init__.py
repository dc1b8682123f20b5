"""Wiring: the one place that chooses implementations, and the programs a person starts."""
