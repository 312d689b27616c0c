# Holdfast on Node 24, which runs the TypeScript as it stands: there is no build step.
# By digest: docker build --build-arg NODE_IMAGE=node:24…-slim@sha256:… (docs/operations.md, Images by digest).
ARG NODE_IMAGE=node:24.21.0-slim
FROM ${NODE_IMAGE} AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
# The optional packages are Node itself, for machines that have another one; the image has it.
RUN npm ci --omit=dev --omit=optional --no-audit --no-fund

FROM ${NODE_IMAGE}
ENV NODE_ENV=production \
    HOLDFAST_CONFIG=/config/holdfast.yaml \
    HOLDFAST_DATA=/data \
    HOLDFAST_LISTEN=0.0.0.0:8787
WORKDIR /app
COPY --from=dependencies /app/node_modules node_modules
COPY package.json ./
COPY src src
RUN install -d -m 700 -o node -g node /data
# A program that its user may run and not read cannot be looked into by others of that user: no memory, no environment,
# no debugger. So even a server that is started in this container cannot.
RUN chmod 711 /usr/local/bin/node
USER node
VOLUME /data
EXPOSE 8787
# Alive, not ready: a gateway whose database is away for a while must not be killed for it. Balancers ask /readyz.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:8787/healthz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
STOPSIGNAL SIGTERM
# Held calls outlive the young generation: a larger one only costs memory (docs/operations.md).
ENTRYPOINT ["node", "--max-semi-space-size=16", "src/cli/cli.ts"]
CMD ["start"]
