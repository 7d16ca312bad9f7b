# Lists what is in an image: Python packages with versions and licences, as CycloneDX, and Debian's
# packages with versions. `make sbom`; the builder must see the image, as Docker's default one does.
ARG IMAGE=nucseg-tf:cpu
FROM ${IMAGE} AS list
# hadolint ignore=DL3002
USER 0
RUN --mount=type=cache,target=/root/.cache/pip \
    /usr/local/bin/python -m venv /tools \
    && PIP_CACHE_DIR=/root/.cache/pip /tools/bin/python -m pip install --quiet cyclonedx-bom==7.5.0 \
    && /tools/bin/cyclonedx-py environment --output-reproducible --output-file /sbom.cdx.json \
      /opt/nucseg/bin/python \
    && dpkg-query --show --showformat '${Package} ${Version} ${Architecture}\n' > /debian.txt

FROM scratch
COPY --from=list /sbom.cdx.json /debian.txt /
