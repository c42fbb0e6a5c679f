# The sample image: a seed, a service, and volseed between the two. Two targets are of use:
#
#   docker build -t volseed-sample .                the sample, the last stage
#   docker build -t volseed-tool --target tool .    the program alone, for the Dockerfile of another service:
#                                                   COPY --from=volseed-tool /volseed /usr/local/bin/volseed
#
# Nothing in here needs BuildKit (no --mount, no --chmod, no here-documents), so that any engine builds it.

FROM node:26-bookworm-slim AS build
WORKDIR /build
# Before the sources, so that a change of those does not install the packages again; by the script that installs them
# everywhere else.
COPY package.json package-lock.json ./
COPY scripts scripts
RUN node --input-type=module --eval "import { install } from './scripts/setup.mjs'; install()"
COPY src src
COPY entrypoint.ts ./
RUN npm run build

# One file, to be copied from. The image that takes it needs Node 22.15 or later, and /usr/bin/env.
FROM scratch AS tool
COPY --from=build /build/dist/entrypoint.js /volseed

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
