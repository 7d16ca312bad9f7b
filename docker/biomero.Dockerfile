# nucseg-tf:cpu (or :gpu) with the entry point that BIOMERO calls, see docs/clusters.md:
# docker build -f docker/biomero.Dockerfile -t w_nucleisegmentation-nucseg .
ARG NUCSEG_IMAGE=nucseg-tf:cpu
FROM ${NUCSEG_IMAGE}
COPY workflow/biomero/wrapper.py /opt/nucseg/biomero.py
ENTRYPOINT ["/opt/nucseg/bin/dumb-init", "--single-child", "--", "/opt/nucseg/bin/python", "/opt/nucseg/biomero.py"]
