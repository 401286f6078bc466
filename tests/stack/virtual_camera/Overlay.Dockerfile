# The edge's own image with libcamera's software camera in it; nothing of ours is replaced.
ARG EDGE_IMAGE
FROM debian:trixie-slim AS shim
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends gcc libc6-dev >/dev/null
COPY dma_heap.c /
RUN gcc -shared -fPIC -o /dma_heap.so /dma_heap.c -ldl

FROM ${EDGE_IMAGE}
COPY --from=shim /dma_heap.so /opt/virtual/
COPY virtual.yaml /usr/share/libcamera/pipeline/virtual/virtual.yaml
COPY virtual.py sitecustomize.py /opt/virtual/
ENV LD_PRELOAD=/opt/virtual/dma_heap.so PYTHONPATH=/opt/virtual
