# One image for every process; compose says which one a container runs.
FROM python:3.12.12-slim-bookworm

ENV PYTHONUNBUFFERED=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1

RUN useradd --uid 10001 --create-home limner \
    && install --directory --mode=0700 --owner=limner --group=limner /data

WORKDIR /app

# run, or otel for traces as well
ARG LOCK=run
# The libraries first: a change of our own code does not install them again. Only what the lock names.
COPY requirements/${LOCK}.txt requirements/
RUN pip install --require-hashes --requirement requirements/${LOCK}.txt

COPY . .
# Compiled now: the user below cannot write beside the code.
RUN pip install --no-deps --no-build-isolation --editable . \
    && python -m compileall -q api workers cli stack schemas engines net limner celeryconfig.py

USER limner
ENV LIMNER_DATA_DIR=/data \
    LIMNER_HOST=0.0.0.0 \
    LIMNER_LOG_FORMAT=json
VOLUME /data
EXPOSE 8000 5555

# Everything in one container, unless told otherwise: `docker run --init -p 8000:8000 limner`
ENTRYPOINT ["limner"]
CMD ["up", "--no-flower"]
