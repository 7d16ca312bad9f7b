# Lists the Python packages of an image with versions and licences, as CycloneDX: `make sbom`.
ARG IMAGE=nucseg-tf:cpu
FROM ${IMAGE} AS list
# hadolint ignore=DL3002
USER 0
RUN --mount=type=cache,target=/root/.cache/pip \
    /usr/local/bin/python -m venv /tools \
    && /tools/bin/python -m pip install --quiet cyclonedx-bom==7.5.0 \
    && /tools/bin/cyclonedx-py environment --output-reproducible --output-file /sbom.cdx.json \
      /opt/nucseg/bin/python

FROM scratch
COPY --from=list /sbom.cdx.json /
