# Installs provscan from a wheel for an unprivileged user. These commands mount the working directory at /data:
#
#   docker build --tag provscan .
#   docker run --rm --volume "$PWD:/data" --user "$(id -u):$(id -g)" provscan index corpus/
#   docker run --rm --volume "$PWD:/data" --user "$(id -u):$(id -g)" provscan match dataset.jsonl
#
# With `--volume provscan-cache:/cache`, kernels are compiled once instead of in each container.

FROM python:3.12-slim AS build
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY provscan provscan
RUN python -m pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

FROM python:3.12-slim
COPY --from=build /wheels /wheels
RUN python -m pip install --no-cache-dir /wheels/provscan-*.whl && rm -r /wheels

# A container may run as another user (--user), who then owns the files that it writes. Therefore every user can write to the
# cache, and the sticky bit prevents users from replacing files of others.
ENV XDG_CACHE_HOME=/cache
RUN useradd --create-home --uid 1000 provscan && install --directory --mode 1777 /cache
USER provscan
WORKDIR /data
ENTRYPOINT ["provscan"]
CMD ["--help"]
