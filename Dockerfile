# tidegate in a container; how to run it, and how to show it its host, is in docs/container.md.
#
#   docker build -t tidegate .
#
# NODE_IMAGE has Node and npm, and builds. BASE has glibc and libstdc++, and is what runs; it needs no shell. The native modules (LevelDB,
# snappy, lz4) are the ones for the C library of NODE_IMAGE, so both must have glibc: Debian and its relatives, distroless `cc`, not Alpine.
ARG NODE_IMAGE=node:24-bookworm-slim
ARG BASE=debian:bookworm-slim

FROM ${NODE_IMAGE} AS build
# Ends with the service, passes signals on, and reaps what a killed tool leaves behind, which a Node as process 1 would not.
RUN command -v tini-static >/dev/null \
  || (apt-get update && apt-get install -y --no-install-recommends tini && rm -rf /var/lib/apt/lists/*)
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# No script of a package is run: the native modules come built, and nothing here needs the binaries that others would fetch.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json LICENSE ./
COPY src src
COPY sensors sensors
COPY sinks sinks
RUN npm run --silent --ignore-scripts build \
  && find dist -name '*.d.ts' -delete \
  && npm prune --omit=dev --ignore-scripts --no-audit --no-fund \
  && mkdir -p /image/app /image/state /image/usr/bin /image/usr/local/bin \
  && cp -a package.json LICENSE dist node_modules /image/app/ \
  && cp "$(command -v node)" /image/usr/local/bin/node \
  && cp "$(command -v tini-static)" /image/usr/bin/tini-static \
  && chown -R 0:0 /image \
  && chown 65532:65532 /image/state \
  && chmod 0750 /image/state

FROM ${BASE} AS service
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="tidegate" \
  org.opencontainers.image.description="Samples a machine and the node software on it, and delivers what it saw to Kafka, RabbitMQ or files." \
  org.opencontainers.image.licenses="Apache-2.0" \
  org.opencontainers.image.version="${VERSION}"
COPY --from=build /image/ /
# What is freed goes back to the system: docs/decisions.md, "malloc in the container".
ENV NODE_ENV=production HOME=/state TIDEGATE_STATE=/state MALLOC_ARENA_MAX=2 MALLOC_MMAP_THRESHOLD_=131072
# By number, so that a runtime that refuses root can tell, and a base without a list of users will do.
USER 65532:65532
WORKDIR /state
VOLUME ["/state"]
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s --retries=3 \
  CMD ["/usr/local/bin/node", "/app/dist/src/main.js", "health"]
ENTRYPOINT ["/usr/bin/tini-static", "--", "/usr/local/bin/node", "/app/dist/src/main.js"]
CMD ["run"]

# `--target consumer`: the two programs of compose/ that print what arrives, run from source.
FROM service AS consumer
COPY src /app/src
COPY compose /app/compose
HEALTHCHECK NONE
ENTRYPOINT ["/usr/bin/tini-static", "--", "/usr/local/bin/node"]
CMD ["/app/compose/consume-kafka.ts"]

FROM service
