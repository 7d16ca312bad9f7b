# nucseg_tf on CPUs: `make image` builds it, docs/containers.md says how to run it.
# gpu.Dockerfile is the same but for the libraries and what NVIDIA's runtime wants to know.
ARG BASE_IMAGE=python:3.11.14-slim-bookworm
ARG WHEELS=scratch

# An image of wheels to build from without a network (scripts/offline_image.sh); empty by default.
FROM ${WHEELS} AS wheels

# Libraries in locked versions: this layer changes with the requirements only. TensorFlow's C++
# headers (290 MB) are of no use without a compiler. The newer setuptools builds the program, and
# stays out of the image.
FROM ${BASE_IMAGE} AS libraries
ARG PIP_NO_INDEX=
ENV PIP_FIND_LINKS=/wheels \
    PIP_NO_COMPILE=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /build
RUN python -m venv --without-pip /opt/nucseg
COPY requirements.txt ./
# The same without code for GPUs. On ARM tensorflow has none, and there is no tensorflow-cpu.
RUN [ "$(uname -m)" != x86_64 ] || sed -i 's/^tensorflow==/tensorflow-cpu==/' requirements.txt
RUN --mount=type=cache,target=/root/.cache/pip \
    --mount=type=bind,from=wheels,target=/wheels \
    --mount=type=secret,id=pip.conf,target=/etc/pip.conf \
    python -m pip --python /opt/nucseg/bin/python install --no-deps \
      -r requirements.txt dumb-init==1.2.5.post1 \
    && python -m pip install --no-deps --target /opt/setuptools setuptools==80.9.0 \
    && rm -r /opt/nucseg/lib/python3*/site-packages/tensorflow/include \
    && /opt/nucseg/bin/python -m compileall -q --invalidation-mode unchecked-hash /opt/nucseg/lib

# The program and its weights, in a folder that is laid over the libraries. Needs no network.
FROM libraries AS program
COPY pyproject.toml README.md LICENSE ./
COPY configs configs
COPY nucseg_tf nucseg_tf
RUN PYTHONPATH=/opt/setuptools python -m pip --python /opt/nucseg/bin/python install --no-deps \
      --no-index --no-build-isolation --prefix /opt/program . \
    && /opt/nucseg/bin/python -m compileall -q --invalidation-mode unchecked-hash /opt/program/lib
# Models as OpenVINO wants them, which each container would have to convert for itself.
RUN PYTHONPATH="$(echo /opt/program/lib/python3*/site-packages)" \
    NUCSEG_CACHE=/opt/program/share/nucseg \
      /opt/nucseg/bin/python -m nucseg_tf models prepare

FROM ${BASE_IMAGE}
# Official Python images come without the bytecode of the standard library.
RUN python -m compileall -q -x '/(tests?|lib2to3|(site|dist)-packages)/' \
      "$(python -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')"
WORKDIR /data
# Whoever runs this, with or without a home: caches go where everybody may write.
ENV PATH=/opt/nucseg/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/tmp \
    KERAS_HOME=/tmp/.keras \
    MPLCONFIGDIR=/tmp/.matplotlib \
    NUMBA_CACHE_DIR=/tmp/.numba \
    XDG_CACHE_HOME=/tmp/.cache
COPY --from=libraries /opt/nucseg /opt/nucseg
COPY --from=program /opt/program /opt/nucseg
USER 1000:1000
# dumb-init is process 1: it passes signals on to nucseg alone, and clears away ended processes.
ENTRYPOINT ["/opt/nucseg/bin/dumb-init", "--single-child", "--", "/opt/nucseg/bin/nucseg"]
CMD ["--help"]
ARG BASE_IMAGE
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="nucseg_tf (CPU)" \
      org.opencontainers.image.description="Finds every cell nucleus in fluorescence microscope images" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.name="${BASE_IMAGE}" \
      org.opencontainers.image.licenses="BSD-3-Clause"
