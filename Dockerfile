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
RUN npm run build

# One file, to be copied from. The image that takes it needs Node 22.15 or later, and /usr/bin/env.
FROM scratch AS tool
COPY --from=build /build/dist/entrypoint.js /volseed

# One executable, and the few libraries it needs.
FROM packages AS build-standalone
# Before the bundle, for the same reason as the packages.
RUN node scripts/standalone.ts --fetch --here
COPY licences licences
COPY --from=build /build/dist dist
RUN node scripts/standalone.ts --here \
 && install -D -m 0755 dist/volseed-linux-* /standalone/usr/local/bin/volseed \
 && install -D -m 0644 dist/LICENSES-standalone.txt /standalone/usr/share/licenses/volseed/LICENSES.txt \
 && ldd /standalone/usr/local/bin/volseed | grep -o '/[^ ]*' | xargs cp --dereference --parents --target-directory=/standalone

FROM scratch AS tool-standalone
COPY --from=build-standalone /standalone/usr/local/bin/volseed /volseed

FROM scratch AS tool-scratch
COPY --from=build-standalone /standalone/ /
ENV PATH=/usr/local/bin

# Without a shell, and not as root: the volume's fsGroup, or its owner, is what lets it write.
FROM tool-scratch AS init
USER 1000
ENTRYPOINT ["volseed"]
CMD ["sync"]

FROM node:26-bookworm-slim AS sample
COPY --from=tool /volseed /usr/local/bin/volseed
COPY image/service /srv
# Owned by root, so that the service cannot change what it is seeded from. COPY keeps the times of the files: they are what
# the policy `newer` compares.
COPY image/initialdata/common /var/initialdata/common
# After all that makes the seed, because what comes later would not be in it. The layer holds this one file.
RUN volseed manifest --source /var/initialdata/common
# A new named volume takes its owner and mode from this directory. Group 0 may write, because platforms that choose a uid
# of their own for each tenant (OpenShift) run it with group 0.
RUN install -d -o node -g 0 -m 0775 /data
ENV DATA_DIR_PATH=/data VOLSEED_SOURCE=/var/initialdata/common
VOLUME /data
EXPOSE 8080
# `node`, by its number: of a name, Kubernetes' runAsNonRoot cannot tell that it is not root.
USER 1000
# The exec form: through a shell, the shell would be PID 1 and get the signals that are meant for the service.
ENTRYPOINT ["volseed", "run", "--"]
CMD ["node", "/srv/server.js", "--port", "8080"]
