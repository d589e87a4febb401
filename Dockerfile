# Two images: the city's processes, and Keycloak built for PostgreSQL. Never built by us: no Docker where it was written.
# Base images are pinned by tag; how a digest is pinned: docker-compose.yml.

FROM python:3.11.14-slim-bookworm AS parts
COPY requirements.lock /tmp/requirements.lock
RUN python -m venv /opt/citygate/venv \
 && /opt/citygate/venv/bin/pip install --no-cache-dir --disable-pip-version-check --only-binary :all: --require-hashes -r /tmp/requirements.lock \
 && /opt/citygate/venv/bin/pip uninstall --yes pip setuptools

FROM python:3.11.14-slim-bookworm AS city
RUN groupadd --gid 10001 citygate && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin citygate
COPY --from=parts /opt/citygate/venv /opt/citygate/venv
WORKDIR /opt/citygate
COPY audit ./audit
COPY authz ./authz
COPY backup ./backup
COPY catalogue ./catalogue
COPY city ./city
COPY commands ./commands
COPY console ./console
COPY crypto ./crypto
COPY deploy ./deploy
COPY gateway ./gateway
COPY grading ./grading
COPY idp ./idp
COPY infra ./infra
COPY issuer ./issuer
COPY storage ./storage
ENV PATH=/opt/citygate/venv/bin:/usr/local/bin:/usr/bin:/bin PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 LANG=C.UTF-8
RUN python -m compileall -q .
USER 10001:10001

FROM quay.io/keycloak/keycloak:26.7.4 AS keycloak-build
RUN /opt/keycloak/bin/kc.sh build --db=postgres --health-enabled=true \
    --features-disabled=account,account-api,admin-fine-grained-authz,authorization,ciba,device-flow,impersonation,kerberos,organization

FROM quay.io/keycloak/keycloak:26.7.4 AS keycloak
COPY --from=keycloak-build /opt/keycloak/ /opt/keycloak/
ENTRYPOINT ["/opt/keycloak/bin/kc.sh"]
