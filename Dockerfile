# The image for those who have a container engine:
#
#   docker build --build-arg VERSION="$(git describe --tags --always)" -t hassesd .
#
# `make image` builds the same without one. See docs/container.md.

ARG GO_IMAGE=docker.io/library/golang:1.26

FROM --platform=$BUILDPLATFORM ${GO_IMAGE} AS build
WORKDIR /src
COPY . .
ARG TARGETARCH
ARG VERSION=unknown
ARG SOURCE_DATE_EPOCH=0
RUN VERSION=$VERSION SOURCE_DATE_EPOCH=$SOURCE_DATE_EPOCH packaging/build-rootfs "${TARGETARCH:-$(go env GOARCH)}" /rootfs

FROM scratch
COPY --from=build /rootfs/ /
USER 65532:65532
EXPOSE 8080 8085 8443
ENV PATH=/usr/bin HASSESD_CONFIG=/etc/hassesd/hassesd.toml HASSESCTL_TCP=127.0.0.1:8085
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s --retries=3 CMD ["/usr/bin/hassesctl", "ping"]
LABEL org.opencontainers.image.title="hassesd" \
      org.opencontainers.image.description="TLS-first edge daemon for Server-Sent Events" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.vendor="hassesd" \
      org.opencontainers.image.source="https://github.com/hassesd/hassesd"
ENTRYPOINT ["/usr/bin/hassesd"]
