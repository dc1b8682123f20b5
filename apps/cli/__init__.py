"""The `vidne` command: a module per command."""
