#!/usr/bin/env bash
# make-secrets.sh [DIR]   Makes the secrets of docker-compose.yml in DIR (deploy/secrets), each where it is missing.
# Every file is readable by one user alone. Run as root, that user is the one of the container that reads it; run
# as anybody else, the files are his, and only containers that run as him can read them.
set -euo pipefail
cd "$(dirname "$0")"
folder=${1:-secrets}
umask 077
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)

word() { openssl rand -hex 32; }
# keep FILE USER: standard input becomes DIR/FILE of that user, whole or not at all; one that is there stays as it is.
keep() {
  if [ -e "$folder/$1" ]; then cat >/dev/null; return; fi
  cat >"$folder/.draft"
  chmod 0600 "$folder/.draft"
  if [ "$(id -u)" -eq 0 ]; then chown "$2:$2" "$folder/.draft"; fi
  mv "$folder/.draft" "$folder/$1"
  echo "made $folder/$1" >&2
}
# The users of the containers, as docker-compose.yml has them.
vidne=10001 store=1000 postgres=999 redis=999 haproxy=99

word | keep s3_admin_key $vidne
word | keep s3_key $vidne
word | keep portal_s3_key $vidne
word | keep catalogue_password $vidne
word | keep broker_password $vidne
word | keep postgres_password $postgres

# What a server needs of the same secret, in a file that its own user can read.
keep catalogue_role_password $postgres <"$folder/catalogue_password"
keep broker.acl $redis <<EOF
user default on #$(printf %s "$(cat "$folder/broker_password")" | sha256sum | cut -d' ' -f1) ~vidne* &* +@all -@admin -@dangerous +info
EOF
own='"Read:evidence", "Write:evidence", "List:evidence", "Tagging:evidence"'
locks='"PutObjectRetention:evidence", "GetObjectRetention:evidence", "PutObjectLegalHold:evidence", "GetObjectLegalHold:evidence"'
# The portal keeps uploads on their way, and reads the published log.
uploads='"Read:evidence/uploads/*", "Write:evidence/uploads/*", "List:evidence/uploads/*", "Read:evidence/ledger/*"'
keep s3.json $store <<EOF
{"identities": [
  {"name": "vidne-admin", "credentials": [{"accessKey": "vidne-admin", "secretKey": "$(cat "$folder/s3_admin_key")"}],
   "actions": ["Admin", "Read", "Write", "List", "Tagging"]},
  {"name": "vidne", "credentials": [{"accessKey": "vidne", "secretKey": "$(cat "$folder/s3_key")"}],
   "actions": [$own, $locks]},
  {"name": "vidne-portal", "credentials": [{"accessKey": "vidne-portal", "secretKey": "$(cat "$folder/portal_s3_key")"}],
   "actions": [$uploads]}
]}
EOF
keep security.toml $store <<EOF
[jwt.signing]
key = "$(word)"
[jwt.signing.read]
key = "$(word)"
[jwt.filer_signing]
key = "$(word)"
[jwt.filer_signing.read]
key = "$(word)"
EOF
# The S3 server's gRPC port takes only who has a certificate by this authority: the server itself, and nobody else.
if ! [ -e "$folder/store.crt" ] || ! [ -e "$folder/store.key" ]; then
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj /CN=store \
    -keyout "$folder/.key" -out "$folder/.crt" 2>/dev/null
  rm -f "$folder/store.key" "$folder/store.crt"
  keep store.key $store <"$folder/.key"
  keep store.crt $store <"$folder/.crt"
  rm -f "$folder/.key" "$folder/.crt"
fi
# For trying out: a browser warns of a certificate that nobody vouches for.
if ! [ -e "$folder/portal.pem" ]; then
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 365 -subj /CN=localhost \
    -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout "$folder/.key" -out "$folder/.crt" 2>/dev/null
  cat "$folder/.crt" "$folder/.key" | keep portal.pem $haproxy
  rm -f "$folder/.key" "$folder/.crt"
fi
if [ "$(id -u)" -ne 0 ]; then
  echo "These files are yours: only root can hand them to the containers' users (sudo chown, or run this with sudo)." >&2
fi
