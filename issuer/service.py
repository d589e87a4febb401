"""The local issuer as one Flask application, on Keycloak's URL layout."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, Response, jsonify, request

from crypto.aead import Seal
from issuer import codes, sign_on, signing_keys
from issuer.accounts import Accounts
from issuer.client import SCOPES, Client
from issuer.grants import protocol
from issuer.issuer_file import IssuerFile
from issuer.page_ticket import PageTickets
from issuer.pages import Render, SignInPages, language_of_browser

_MAX_BODY_BYTES = 16 * 1024
_CALLBACK_PATH = "/.citygate/callback"


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuerConfig:
    """What an issuer is told. `portals` maps each origin ("http://host:port") that may sign people in to its name."""

    url: str  # "http://login.localhost:8000/realms/city"
    path: Path  # its SQLite file: sessions, codes, signing keys
    client_id: str
    client_secret: str = field(repr=False)
    portals: dict[str, str]
    zone: tzinfo  # of the times that pages tell


def create_issuer(
    config: IssuerConfig,
    *,
    accounts: Accounts,
    seal: Seal,
    render: Render,
    clock: Callable[[], datetime],
    language: Callable[[], str] = language_of_browser,
) -> Flask:
    """Wire the issuer; `app.extensions["signing_keys"].rotate()` rotates its keys."""
    app = Flask("city-issuer", static_folder=None)
    app.config.update(MAX_CONTENT_LENGTH=_MAX_BODY_BYTES, TRUSTED_HOSTS=[urlsplit(config.url).hostname])
    file = IssuerFile(config.path, signing_keys.SCHEMA + sign_on.SCHEMA + codes.SCHEMA)
    keys = signing_keys.SigningKeys(file, seal, clock)
    sign_ons = sign_on.SignOns(file, accounts, clock)
    server = protocol(
        app,
        url=config.url,
        client=_client(config),
        codes=codes.Codes(file, clock, reused=sign_ons.end),
        sign_ons=sign_ons,
        keys=keys,
        clock=clock,
    )
    pages = SignInPages(
        url=config.url,
        portals=config.portals,
        server=server,
        accounts=accounts,
        sign_ons=sign_ons,
        tickets=PageTickets(seal, clock),
        render=render,
        clock=clock,
        language=language,
        zone=config.zone,
    )
    app.extensions["signing_keys"] = keys
    _route(app, config, pages, keys)
    _guard(app, config)
    return app


def _client(config: IssuerConfig) -> Client:
    return Client(
        client_id=config.client_id,
        secret=config.client_secret,
        redirect_uris=tuple(origin + _CALLBACK_PATH for origin in config.portals),
        after_logout=tuple(origin + "/" for origin in config.portals),
    )


def _route(app: Flask, config: IssuerConfig, pages: SignInPages, keys: signing_keys.SigningKeys) -> None:
    realm = urlsplit(config.url).path
    endpoints = f"{realm}/protocol/openid-connect"
    app.add_url_rule(f"{endpoints}/auth", "auth", pages.authorize, methods=["GET", "POST"])
    app.add_url_rule(f"{endpoints}/token", "token", pages.token, methods=["POST"])
    app.add_url_rule(f"{endpoints}/logout", "logout", pages.logout, methods=["GET", "POST"])
    app.add_url_rule(f"{endpoints}/certs", "certs", lambda: jsonify(keys.public_jwks()))
    app.add_url_rule(f"{realm}/.well-known/openid-configuration", "discovery", lambda: jsonify(_metadata(config.url)))


def _metadata(url: str) -> dict[str, Any]:
    """OpenID Connect Discovery 1.0 §3, RFC 8414 §2."""
    endpoints = f"{url}/protocol/openid-connect"
    return {
        "issuer": url,
        "authorization_endpoint": f"{endpoints}/auth",
        "token_endpoint": f"{endpoints}/token",
        "jwks_uri": f"{endpoints}/certs",
        "end_session_endpoint": f"{endpoints}/logout",
        "scopes_supported": list(SCOPES),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [signing_keys.ALGORITHM],
        "token_endpoint_auth_methods_supported": ["client_secret_basic"],
        "code_challenge_methods_supported": ["S256"],
        "acr_values_supported": ["2", "3"],
        "prompt_values_supported": ["none", "login"],
        "claims_supported": ["sub", "name", "sid", "acr", "amr", "auth_time"],
        "authorization_response_iss_parameter_supported": True,
    }


def _guard(app: Flask, config: IssuerConfig) -> None:
    # The sign-in form ends in a redirect to a portal, which browsers hold against form-action too.
    policy = (
        "default-src 'none'; style-src 'self'; img-src 'self'; font-src 'self'; script-src 'self'; "
        f"form-action 'self' {' '.join(config.portals)}; frame-ancestors 'none'; base-uri 'none'"
    )

    @app.before_request
    def read_chunks() -> None:
        # Werkzeug takes a chunked body for an empty one unless its server says that it ends by itself; ours do.
        if "Transfer-Encoding" in request.headers:
            request.environ["wsgi.input_terminated"] = True

    @app.after_request
    def harden(answer: Response) -> Response:
        answer.headers["Content-Security-Policy"] = policy
        answer.headers["X-Content-Type-Options"] = "nosniff"
        answer.headers["Referrer-Policy"] = "same-origin"  # stricter would send forms with `Origin: null`
        answer.headers.setdefault("Cache-Control", "no-store")
        return answer
