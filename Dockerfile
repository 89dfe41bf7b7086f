# One image for every process; compose says which one a container runs.
FROM python:3.12.12-slim-bookworm

ENV PYTHONUNBUFFERED=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1

RUN useradd --uid 10001 --user-group --create-home limner \
    && install --directory --mode=0700 --owner=limner --group=limner /data

WORKDIR /app

# image: with what stores pictures in S3 and what sends traces; otel: without the first; run: without either
ARG LOCK=image
# The libraries first: a change of our own code does not install them again. Only what the lock names.
COPY requirements/${LOCK}.txt requirements/
RUN pip install --require-hashes --requirement requirements/${LOCK}.txt

# What .dockerignore names.
COPY . .
# Compiled now: the user below cannot write beside the code. It can read it, whatever the umask of who cloned it.
RUN chmod --recursive a+rX,go-w . \
    && pip install --no-deps --no-build-isolation --editable . \
    && python -m compileall -q api workers cli stack schemas engines net limner celeryconfig.py

# By its number, by which others can tell that it is not root.
USER 10001
ENV LIMNER_DATA_DIR=/data \
    LIMNER_HOST=0.0.0.0 \
    LIMNER_LOG_FORMAT=json
VOLUME /data
EXPOSE 8000 5555

# Everything in one container, unless told otherwise:
#   docker run --init -p 8000:8000 -v limner-data:/data limner:0.2.0
ENTRYPOINT ["limner"]
CMD ["up", "--no-flower"]
