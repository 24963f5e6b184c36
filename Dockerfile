# Images of Paceline's server and of a runner, made of the tarball that scripts/package packs; docs/containers.md.
#   docker build --target server -t paceline-server .
#   docker build --target runner -t paceline-runner .

# Debian or one of its kin; with what it lacks installed below, which needs a network.
ARG BASE_IMAGE=debian:12-slim

# The tarball is unpacked in a stage of its own, so that it is in no layer of the images.
FROM ${BASE_IMAGE} AS unpacked
ARG TARBALL=packages/paceline-runner-*-linux-x64.tar.gz
ADD ${TARBALL} /unpacked/
RUN mkdir -p /opt && mv /unpacked/* /opt/paceline \
 && cd /opt/paceline && ls -A | grep -vxE 'bin|versions|LICENSE' | xargs rm -rf

# Paceline's files belong to root: no job can change them. What it keeps is in the volume.
FROM ${BASE_IMAGE} AS common
RUN if ! command -v tini || ! [ -e /etc/ssl/certs/ca-certificates.crt ]; then \
      apt-get update && apt-get install -y --no-install-recommends ca-certificates tini && rm -rf /var/lib/apt/lists/*; \
    fi >/dev/null
RUN groupadd --gid 1001 paceline \
 && useradd --uid 1001 --gid 1001 --create-home --shell /bin/bash paceline \
 && install -d -o 1001 -g 1001 -m 0700 /var/lib/paceline \
 && install -d /etc/paceline /usr/local/bin \
 && ln -s /opt/paceline/bin/paceline /usr/local/bin/paceline \
 # Runners are told apart by it; without one the name of the container does.
 && rm -f /etc/machine-id /var/lib/dbus/machine-id
COPY --from=unpacked /opt/paceline /opt/paceline
# Where runner.config.json is looked for, and no job can put one.
WORKDIR /etc/paceline
VOLUME /var/lib/paceline
STOPSIGNAL SIGTERM
# Reaps what steps leave behind, also where it is not process 1, and passes signals and the exit code on.
ENTRYPOINT ["tini", "-s", "--", "paceline"]

FROM common AS server
ENV PACELINE_SERVER_LISTEN=0.0.0.0:7380 \
    PACELINE_SERVER_DATA_DIRECTORY=/var/lib/paceline/server
EXPOSE 7380
USER 1001:1001
HEALTHCHECK --interval=15s --timeout=10s --start-period=60s CMD ["paceline", "server", "status"]
CMD ["server"]

FROM common AS runner
RUN if ! command -v git; then \
      apt-get update && apt-get install -y --no-install-recommends git && rm -rf /var/lib/apt/lists/*; \
    fi >/dev/null
ENV PACELINE_AGENT_STATE_DIRECTORY=/var/lib/paceline/agent \
    PACELINE_ACTIONS_CACHE_DIRECTORY=/var/lib/paceline/actions \
    PACELINE_TOOL_CACHE=/var/lib/paceline/tools
USER 1001:1001
HEALTHCHECK --interval=15s --timeout=10s --start-period=60s CMD ["paceline", "agent", "status", "--check"]
CMD ["agent", "run"]
