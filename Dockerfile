# tap-sfbulk, target-sfbulk and the command sfbulk in one image, built from this checkout:
#   docker build -t sfbulk .
# docs/running.md says how to run it.
FROM python:3.12-slim AS build
WORKDIR /src
COPY . .
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

FROM python:3.12-slim
COPY --from=build /wheels /wheels
# For a connector of your own in the same image, add its package to this line.
RUN pip install --no-cache-dir /wheels/*.whl && rm -r /wheels
RUN useradd --create-home --uid 1000 sfbulk && install --directory --owner=sfbulk /data
USER sfbulk
# Rejects, reports, the journal and waiting rows: they must outlive the container.
WORKDIR /data
VOLUME /data
# A container is stopped by SIGTERM, which both connectors end in order on.
STOPSIGNAL SIGTERM
CMD ["sfbulk", "--help"]
