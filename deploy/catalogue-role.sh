#!/bin/sh
# Run once by PostgreSQL's image, on an empty database: the role and the database of docs/many-machines.md.
set -eu
psql -q -v ON_ERROR_STOP=1 -U postgres -v password="$(cat "$CATALOGUE_PASSWORD_FILE")" <<'SQL'
CREATE ROLE vidne LOGIN PASSWORD :'password';
CREATE DATABASE vidne OWNER vidne TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C';
REVOKE ALL ON DATABASE vidne FROM PUBLIC;
SQL
