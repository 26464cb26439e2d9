# provscan from a wheel, for a user without rights. Files of the working directory are under /data:
#
#   docker build --tag provscan .
#   docker run --rm --volume "$PWD:/data" --user "$(id -u):$(id -g)" provscan index corpus/
#   docker run --rm --volume "$PWD:/data" --user "$(id -u):$(id -g)" provscan match dataset.jsonl
#
# With `--volume provscan-cache:/cache`, kernels are compiled once and not in each container.

FROM python:3.12-slim AS build
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY provscan provscan
RUN python -m pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

FROM python:3.12-slim
COPY --from=build /wheels /wheels
RUN python -m pip install --no-cache-dir /wheels/provscan-*.whl && rm -r /wheels

# Whoever starts a container may choose another user (--user), so that what it writes is theirs: the cache is open to
# all, and sticky, so that nobody can replace what belongs to somebody else.
ENV XDG_CACHE_HOME=/cache
RUN useradd --create-home --uid 1000 provscan && install --directory --mode 1777 /cache
USER provscan
WORKDIR /data
ENTRYPOINT ["provscan"]
CMD ["--help"]
