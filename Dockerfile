# syntax=docker/dockerfile:1
# One image for every service; EXTRA picks what goes in: --build-arg EXTRA=scorer makes a smaller one for one edge.
FROM python:3.11-slim AS build
ARG EXTRA=streams,features,trainer,scorer,console
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src
COPY pyproject.toml requirements.lock ./
COPY deploy/lock_part.py deploy/
RUN python -m venv /tools && python deploy/lock_part.py build > /tmp/build.lock \
    && /tools/bin/pip install --require-hashes --no-deps -r /tmp/build.lock
RUN python -m venv /opt/cerebro && python deploy/lock_part.py "$EXTRA" > /tmp/part.lock \
    && /opt/cerebro/bin/pip install --require-hashes --no-deps -r /tmp/part.lock
# Our own code last: a change of it installs no package again.
COPY . .
RUN /tools/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /tmp/wheel . \
    && /opt/cerebro/bin/pip install --no-deps /tmp/wheel/*.whl

FROM python:3.11-slim
# LightGBM's threads
RUN apt-get update && apt-get install -y --no-install-recommends libgomp1 && rm -rf /var/lib/apt/lists/*
# /data belongs to the user, so that a fresh named volume does too.
RUN useradd --uid 10001 --no-create-home cerebro && mkdir /data && chown cerebro /data
COPY --from=build /opt/cerebro /opt/cerebro
# Where `feast -c /feature_repo …` finds its configuration; a dangling link in an image without that extra.
RUN ln -s /opt/cerebro/lib/python3.11/site-packages/feature_repo /feature_repo
ENV PATH=/opt/cerebro/bin:$PATH CEREBRO_HOME=/data PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001
WORKDIR /data
VOLUME /data
CMD ["cerebro", "--help"]
