# The edge's own image as it ships, with libcamera's software camera in it.
ARG EDGE
FROM debian:trixie-slim AS shim
RUN apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends gcc libc6-dev >/dev/null
COPY dma_heap.c /
RUN gcc -shared -fPIC -o /dma_heap.so /dma_heap.c -ldl

FROM ${EDGE}
COPY --from=shim /dma_heap.so /virtual/
COPY virtual.yaml /usr/share/libcamera/pipeline/virtual/
COPY virtual.py sitecustomize.py /virtual/
ENV LD_PRELOAD=/virtual/dma_heap.so PYTHONPATH=/virtual
