"""The kernel: what Vidne knows of cases, exhibits, custody events, errors and settings.

Everything else imports this package; it imports none of the others.
"""
