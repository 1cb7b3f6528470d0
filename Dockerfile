# syntax=docker/dockerfile:1
# Every image of the platform. A service: `docker build --build-arg SERVICE=gateway .`
# The website: `docker build --target dashboard .`   The checks: `docker build --target test .`

FROM python:3.12-slim-bookworm AS python
ENV PATH=/venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
RUN python -m venv /venv
WORKDIR /srv

# Alone, so that a change of code installs nothing again.
FROM python AS packages
ARG SERVICE
COPY requirements/${SERVICE}.txt /requirements.txt
RUN pip install --no-cache-dir --no-deps --require-hashes --requirement /requirements.txt

FROM python AS test
COPY requirements /requirements
RUN pip install --no-cache-dir --require-hashes \
    --requirement /requirements/local.txt --requirement /requirements/infra.txt \
    --requirement /requirements/test.txt --requirement /requirements/lint.txt
COPY . .
RUN pytest -m "not slow and not browser and not engine"

FROM node:22-bookworm-slim AS website
WORKDIR /dashboard
COPY dashboard/package.json dashboard/package-lock.json ./
RUN npm ci
COPY dashboard .
COPY docs/devices.md /docs/
RUN npm run build

FROM nginxinc/nginx-unprivileged:1.29-alpine AS dashboard
COPY dashboard/nginx.conf /etc/nginx/conf.d/default.conf
COPY --from=website /dashboard/dist /usr/share/nginx/html
USER 101:101

FROM python AS service
# Who connects to RDS verifies its certificate with these.
ADD --chmod=444 https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem /etc/ssl/certs/rds.pem
COPY --from=packages /venv /venv
COPY apps /srv/apps
ARG SERVICE
ENV SERVICE=${SERVICE} HTTP_HOST=0.0.0.0
# glibc keeps what each thread freed, and Arrow what it freed itself: the API that exports the archive held 100 MiB more.
ENV MALLOC_ARENA_MAX=2 ARROW_DEFAULT_MEMORY_POOL=system
USER 65532:65532
EXPOSE 8000
CMD ["sh", "-c", "exec python -m apps.${SERVICE}"]
