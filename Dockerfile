# One static binary and CA certificates, nothing else. The base images are
# arguments, for a mirror or another Go:
#   docker build --build-arg GO_IMAGE=registry.example/golang:1.26 .
ARG GO_IMAGE=golang:1.26
ARG BASE_IMAGE=scratch

FROM ${GO_IMAGE} AS build
WORKDIR /src
# The modules have a layer of their own, which lasts until go.sum changes.
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=dev
ARG REVISION=unknown
ARG BRANCH=unknown
ARG BUILD_DATE=unknown
RUN v=github.com/prometheus/common/version && \
    CGO_ENABLED=0 go build -trimpath -ldflags "-s -w \
      -X $v.Version=$VERSION -X $v.Revision=$REVISION \
      -X $v.Branch=$BRANCH -X $v.BuildDate=$BUILD_DATE" \
      -o /pg_canary_exporter ./cmd/pg_canary_exporter

FROM ${BASE_IMAGE}
ARG VERSION=dev
ARG REVISION=unknown
ARG BUILD_DATE=unknown
LABEL org.opencontainers.image.title="pg_canary_exporter" \
      org.opencontainers.image.description="Prometheus exporter for PostgreSQL replication that writes a canary and reads it back from every replica" \
      org.opencontainers.image.source="https://github.com/pg-canary/pg_canary_exporter" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION" \
      org.opencontainers.image.created="$BUILD_DATE"
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /pg_canary_exporter /
# nobody, as a number: there is no /etc/passwd to look it up in.
USER 65534:65534
EXPOSE 10187
HEALTHCHECK --interval=30s --timeout=5s CMD ["/pg_canary_exporter", "healthy"]
ENTRYPOINT ["/pg_canary_exporter"]
