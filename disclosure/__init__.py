"""Export packages, redaction, publication and sharing. Nothing is here yet."""
