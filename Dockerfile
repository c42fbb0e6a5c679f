# The sample image: a seed, a service, and volseed between the two; and volseed alone, for other images. The targets:
#
#   docker build -t volseed-sample .                                      the sample, the last stage
#   docker build -t volseed-tool --target tool .                          the program for an image that has Node:
#       COPY --from=volseed-tool /volseed /usr/local/bin/volseed
#   docker build -t volseed-tool-standalone --target tool-standalone .    the same for one that has none, but glibc:
#       COPY --from=volseed-tool-standalone /volseed /usr/local/bin/volseed
#   docker build -t volseed-tool-scratch --target tool-scratch .          with the libraries it needs, for one that has nothing:
#       COPY --from=volseed-tool-scratch / /
#   docker build -t volseed-init --target init .                          an initContainer: args: ["sync"]
#
# Nothing in here needs BuildKit (no --mount, no --chmod, no here-documents), so that any engine builds it.

# Same sources, same layers: what a stage makes dates from SOURCE_DATE_EPOCH (seconds since 1970). docs/standalone.md tells what it
# takes for the digest of a whole image to be the same, and why the seed of a reproducible image wants --policy merge.

# For the labels; as in package.json.
ARG VERSION=0.1.0

FROM node:26-bookworm-slim AS packages
WORKDIR /build
# Before the sources, so that a change of those does not install the packages again; by the script that installs them
# everywhere else.
COPY package.json package-lock.json ./
COPY scripts scripts
RUN node --input-type=module --eval "import { install } from './scripts/setup.mjs'; install()"

FROM packages AS build
COPY src src
COPY entrypoint.ts LICENSE ./
ARG SOURCE_DATE_EPOCH=0
RUN npm run build && touch --date "@$SOURCE_DATE_EPOCH" dist/*

# One file, to be copied from. The image that takes it needs Node 22.15 or later, and /usr/bin/env.
FROM scratch AS tool
ARG VERSION
LABEL org.opencontainers.image.title="volseed for Node" \
      org.opencontainers.image.description="/volseed: seeds persisted volumes from image data; for an image that has Node" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="$VERSION"
COPY --from=build /build/dist/entrypoint.js /volseed

# One executable, and the few libraries it needs.
FROM packages AS build-standalone
# Before the bundle, for the same reason as the packages.
RUN node scripts/standalone.ts --fetch --here
COPY licences licences
COPY src src
COPY entrypoint.ts ./
COPY --from=build /build/dist dist
ARG SOURCE_DATE_EPOCH=0
RUN node scripts/standalone.ts --here \
 && install -D -m 0755 dist/volseed-linux-* /standalone/usr/local/bin/volseed \
 && install -D -m 0644 dist/LICENSES-standalone.txt /standalone/usr/share/licenses/volseed/LICENSES.txt \
 && ldd /standalone/usr/local/bin/volseed | grep -o '/[^ ]*' | xargs cp --dereference --parents --target-directory=/standalone \
 && find /standalone -exec touch --no-dereference --date "@$SOURCE_DATE_EPOCH" {} +

FROM scratch AS tool-standalone
ARG VERSION
LABEL org.opencontainers.image.title="volseed" \
      org.opencontainers.image.description="/volseed: seeds persisted volumes from image data; for an image that has glibc" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="$VERSION"
COPY --from=build-standalone /standalone/usr/local/bin/volseed /volseed

FROM scratch AS tool-scratch
ARG VERSION
LABEL org.opencontainers.image.title="volseed" \
      org.opencontainers.image.description="volseed and the libraries it needs: seeds persisted volumes from image data" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="$VERSION"
COPY --from=build-standalone /standalone/ /
ENV PATH=/usr/local/bin

# Without a shell, and not as root: the volume's fsGroup, or its owner, is what lets it write.
FROM tool-scratch AS init
USER 1000
ENTRYPOINT ["volseed"]
CMD ["sync"]

FROM node:26-bookworm-slim AS sample
ARG VERSION
LABEL org.opencontainers.image.title="volseed's sample service" \
      org.opencontainers.image.description="Serves the tables of a volume that volseed seeds" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="$VERSION"
COPY --from=tool /volseed /usr/local/bin/volseed
COPY image/service /srv
# Owned by root, so that the service cannot change what it is seeded from. COPY keeps the times of the files: they are what
# the policy `newer` compares.
COPY image/initialdata/common /var/initialdata/common
# After all that makes the seed, because what comes later would not be in it. With SOURCE_DATE_EPOCH set, every file of the seed
# dates from then; without it the layer holds the one file.
ARG SOURCE_DATE_EPOCH
RUN if [ -n "$SOURCE_DATE_EPOCH" ]; then \
      find /var/initialdata/common -exec touch --no-dereference --date "@$SOURCE_DATE_EPOCH" {} +; \
    fi \
 && volseed manifest --source /var/initialdata/common
# A new named volume takes its owner and mode from this directory. Group 0 may write, because platforms that choose a uid
# of their own for each tenant (OpenShift) run it with group 0.
RUN install -d -o node -g 0 -m 0775 /data
ENV DATA_DIR_PATH=/data VOLSEED_SOURCE=/var/initialdata/common
VOLUME /data
EXPOSE 8080
# `node`, by its number: of a name, Kubernetes' runAsNonRoot cannot tell that it is not root.
USER 1000
# volseed seeds before the service listens: what a probe meets meanwhile counts for nothing.
HEALTHCHECK --interval=30s --timeout=5s --start-period=10m --retries=3 \
  CMD ["node", "--eval", "fetch('http://127.0.0.1:8080/health').then((a) => process.exit(a.ok ? 0 : 1), () => process.exit(1))"]
# The exec form: through a shell, the shell would be PID 1 and get the signals that are meant for the service.
ENTRYPOINT ["volseed", "run", "--"]
CMD ["node", "/srv/server.js", "--port", "8080"]
