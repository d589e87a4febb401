"""The protocol: Authlib's server, narrowed to code + PKCE S256 for one confidential client."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.integrations.flask_oauth2.requests import FlaskOAuth2Payload, FlaskOAuth2Request
from authlib.oauth2.rfc6749 import InvalidRequestError, OAuth2Request
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oauth2.rfc9207 import IssuerParameter
from authlib.oidc.core.grants import OpenIDCode
from authlib.oidc.core.util import create_half_hash
from authlib.oidc.rpinitiated import EndSessionEndpoint, EndSessionRequest
from flask import Flask, request
from joserfc import jwt
from joserfc.jwk import KeySet

from issuer.client import SCOPES, Client
from issuer.codes import AuthorizationCode, Codes
from issuer.sign_on import SignOn, SignOns
from issuer.signing_keys import ALGORITHM, SigningKeys

TOKEN_LIFETIME = timedelta(minutes=5)


class _Request(FlaskOAuth2Request):  # type: ignore[misc]
    """Authlib allows plain http to `localhost` only; `*.localhost` is loopback too (RFC 6761 §6.3)."""

    def __init__(self) -> None:
        parts = urlsplit(request.url)
        is_loopback = (parts.hostname or "").endswith(".localhost")
        uri = parts._replace(netloc="localhost").geturl() if is_loopback else request.url
        OAuth2Request.__init__(self, method=request.method, uri=uri, headers=request.headers)
        self._request = request
        self.payload = FlaskOAuth2Payload(request)


class _GrantServer(AuthorizationServer):  # type: ignore[misc]
    """Holds what the grant needs: Authlib makes grants itself, from their class."""

    def __init__(self, app: Flask, client: Client, codes: Codes, sign_ons: SignOns) -> None:
        self.codes, self.sign_ons = codes, sign_ons
        super().__init__(app, lambda client_id: client if client_id == client.client_id else None, _forget)

    def create_oauth2_request(self, request: object) -> _Request:  # noqa: ARG002 - Flask's own is meant
        return _Request()


def _forget(token: object, request: object) -> None:
    """Access tokens are not kept: no resource accepts them, the ID token is what the door wants."""


class _Code(AuthorizationCodeGrant):  # type: ignore[misc]
    TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_basic",)

    def save_authorization_code(self, code: str, request: OAuth2Request) -> None:
        meaning = AuthorizationCode(
            client_id=request.client.client_id,
            redirect_uri=request.payload.redirect_uri,
            scope=request.scope,
            nonce=request.payload.data["nonce"],
            code_challenge=request.payload.data["code_challenge"],
            sid=request.user.sid,
        )
        self.server.codes.save(code, meaning)

    def query_authorization_code(self, code: str, client: Client) -> AuthorizationCode | None:
        found: AuthorizationCode | None = self.server.codes.use(code, client.client_id)
        return found

    def delete_authorization_code(self, authorization_code: AuthorizationCode) -> None:
        """Done: asking for it spent it."""

    def authenticate_user(self, authorization_code: AuthorizationCode) -> SignOn | None:
        found: SignOn | None = self.server.sign_ons.get(authorization_code.sid)
        return found


class _S256(CodeChallenge):  # type: ignore[misc]
    """Mandatory, and S256 only (RFC 9700 §2.1.1)."""

    def validate_code_challenge(self, grant: AuthorizationCodeGrant, redirect_uri: str) -> None:
        data = grant.request.payload.data
        if data.get("code_challenge_method") != "S256" or not data.get("code_challenge"):
            raise InvalidRequestError("PKCE with S256 is required")
        super().validate_code_challenge(grant, redirect_uri)


class _IssuerParameter(IssuerParameter):  # type: ignore[misc]
    def __init__(self, url: str) -> None:
        self._url = url

    def get_issuer(self) -> str:
        return self._url


class _IdToken(OpenIDCode):  # type: ignore[misc]
    def __init__(self, url: str, keys: SigningKeys, clock: Callable[[], datetime]) -> None:
        super().__init__(require_nonce=True)
        self._url, self._keys, self._clock = url, keys, clock

    def exists_nonce(self, nonce: str, request: OAuth2Request) -> bool:  # noqa: ARG002
        """Never: going back to a sign-in page is no attack; a replay is seen by the client that made the nonce."""
        return False

    def encode_id_token(self, token: dict[str, Any], request: OAuth2Request) -> str:
        """OIDC Core §2, with the session's own claims."""
        now, session, code = self._clock(), request.user, request.authorization_code
        claims = {
            "iss": self._url,
            "aud": code.client_id,
            "azp": code.client_id,
            "sub": session.account.sub,
            "name": session.account.name,
            "sid": session.sid,
            "acr": str(session.assurance),
            "amr": session.amr,
            "auth_time": int(session.auth_time.timestamp()),
            "nonce": code.nonce,
            "at_hash": create_half_hash(token["access_token"], ALGORITHM).decode(),
            "iat": int(now.timestamp()),
            "exp": int((now + TOKEN_LIFETIME).timestamp()),
        }
        key = self._keys.current()
        return jwt.encode({"alg": ALGORITHM, "kid": key.kid, "typ": "JWT"}, claims, key, [ALGORITHM])


class _EndSession(EndSessionEndpoint):  # type: ignore[misc]
    def __init__(self, keys: SigningKeys, sign_ons: SignOns) -> None:
        super().__init__()
        self._keys, self._sign_ons = keys, sign_ons

    def get_server_jwks(self) -> KeySet:
        return self._keys.list_keys()

    def get_algorithms(self) -> list[str]:
        return [ALGORITHM]

    def end_session(self, end_session_request: EndSessionRequest) -> None:
        """End exactly the session that the hint names; without a hint, none (nobody is signed out by a link)."""
        if hint := end_session_request.id_token_claims:
            self._sign_ons.end(hint["sid"])


def protocol(
    app: Flask,
    *,
    url: str,
    client: Client,
    codes: Codes,
    sign_ons: SignOns,
    keys: SigningKeys,
    clock: Callable[[], datetime],
) -> AuthorizationServer:
    """Authlib's server with one grant and one endpoint; nothing else is registered, so nothing else is granted."""
    app.config["OAUTH2_SCOPES_SUPPORTED"] = list(SCOPES)
    app.config["OAUTH2_TOKEN_EXPIRES_IN"] = {"authorization_code": TOKEN_LIFETIME.seconds}
    server = _GrantServer(app, client, codes, sign_ons)
    server.register_grant(_Code, [_S256(required=True), _IdToken(url, keys, clock)])
    server.register_endpoint(_EndSession(keys, sign_ons))
    server.register_extension(_IssuerParameter(url))
    return server
