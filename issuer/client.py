"""The one relying party that this issuer knows: the door."""

import secrets

from authlib.oauth2.rfc6749 import ClientMixin

from issuer.signing_keys import ALGORITHM

SCOPES = ("openid", "profile")


class Client(ClientMixin):  # type: ignore[misc]  # Authlib ships no types
    """Confidential, with exact redirect URIs; the methods are Authlib's questions."""

    id_token_signed_response_alg = ALGORITHM

    def __init__(
        self, *, client_id: str, secret: str, redirect_uris: tuple[str, ...], after_logout: tuple[str, ...]
    ) -> None:
        self.client_id, self._secret, self._redirect_uris = client_id, secret, redirect_uris
        self.client_metadata = {"post_logout_redirect_uris": list(after_logout)}

    def get_client_id(self) -> str:
        return self.client_id

    def get_default_redirect_uri(self) -> None:
        """None: a request names its redirect URI (RFC 9700 §2.1)."""

    def get_allowed_scope(self, scope: str | None) -> str | None:
        asked = (scope or "").split()
        return " ".join(name for name in SCOPES if name in asked) if "openid" in asked else None

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri in self._redirect_uris

    def check_client_secret(self, client_secret: str) -> bool:
        return secrets.compare_digest(client_secret.encode(), self._secret.encode())

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return (method, endpoint) == ("client_secret_basic", "token")

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "authorization_code"
