"""Keycloak's admin API as the rest of this package uses it: bounded waits, JSON in and out, one error."""

from collections.abc import Callable
from typing import Any

from idp.errors import IssuerAdministrationUnavailable

ASKING_SECONDS, MAKING_SECONDS = (
    5.0,
    30.0,
)  # to connect, and between two pieces of an answer; a new realm takes its time
_OK_BELOW, _NOT_FOUND = 300, 404


class Admin:
    """The admin API of one Keycloak, as one of its service accounts (client_credentials); for one thread at a time.

    `address` is its own ("http://127.0.0.1:9081"), never through the door. The account is `client_id` of realm
    `account_realm`, and may do what its roles say. Who writes waits up to MAKING_SECONDS. A path is relative to
    /admin/realms. Nothing is sent before the first call; the token is renewed by itself. Every method raises
    IssuerAdministrationUnavailable.
    """

    def __init__(
        self,
        address: str,
        *,
        account_realm: str,
        client_id: str,
        client_secret: str,
        ca: str = "",
        timeout_seconds: float = ASKING_SECONDS,
    ) -> None:
        """`ca`: a file of the certificates it may show, where those this machine trusts will not do."""
        # imported here, because it costs 0.2 s that only those who administer shall pay
        from keycloak import KeycloakOpenIDConnection
        from keycloak.exceptions import KeycloakError

        self._errors = (KeycloakError, ValueError, KeyError)
        self._connection = KeycloakOpenIDConnection(
            server_url=address,
            grant_type="client_credentials",
            realm_name=account_realm,
            client_id=client_id,
            client_secret_key=client_secret,
            timeout=timeout_seconds,  # type: ignore[arg-type]  # seconds need not be whole
            verify=ca or True,
            max_retries=0,  # it would repeat a POST, too
        )
        # A proxy named by the environment would be handed our secret. The library has no way to say so.
        self._sessions = (self._connection._s, self._connection.keycloak_openid.connection._s)  # noqa: SLF001
        for session in self._sessions:
            session.trust_env = False

    def get(self, path: str, **query: Any) -> Any:
        """The JSON at `path`; None where there is none."""
        return self._answer("GET", path, lambda at: self._connection.raw_get(at, **query))

    def post(self, path: str, body: object) -> str:
        """Make something; its id where Keycloak names one, "" otherwise."""
        answer = self._ask("POST", path, lambda at: self._connection.raw_post(at, data=_json(body)))
        return str(answer.headers.get("Location", "")).rpartition("/")[2]

    def put(self, path: str, body: object) -> None:
        """Replace what is there."""
        self._ask("PUT", path, lambda at: self._connection.raw_put(at, data=_json(body)))

    def put_text(self, path: str, text: str) -> None:
        """Replace what is there by plain text."""
        self._connection.add_param_headers("Content-Type", "text/plain; charset=utf-8")
        self._send("PUT", path, lambda at: self._connection.raw_put(at, data=text.encode()))

    def delete(self, path: str, body: object = None) -> None:
        """Take it away."""
        self._ask("DELETE", path, lambda at: self._connection.raw_delete(at, data=_json(body)))

    def close(self) -> None:
        """Give its connections back."""
        for session in self._sessions:
            session.close()

    def _answer(self, method: str, path: str, send: Callable[[str], Any]) -> Any:
        answer = self._ask(method, path, send)
        if answer.status_code == _NOT_FOUND:
            return None
        try:
            return answer.json()
        except ValueError:
            raise IssuerAdministrationUnavailable(f"{method} `{path}`: not JSON") from None

    def _ask(self, method: str, path: str, send: Callable[[str], Any]) -> Any:
        self._connection.add_param_headers("Content-Type", "application/json")
        return self._send(method, path, send)

    def _send(self, method: str, path: str, send: Callable[[str], Any]) -> Any:
        try:
            answer = send(f"/admin/realms/{path}".rstrip("/"))
        except self._errors as failure:
            cause = failure.__cause__ or failure
            raise IssuerAdministrationUnavailable(f"{method} `{path}`: {type(cause).__name__}") from None
        if answer.status_code < _OK_BELOW or (method == "GET" and answer.status_code == _NOT_FOUND):
            return answer
        raise IssuerAdministrationUnavailable(f"{method} `{path}` answered {answer.status_code}{_why(answer)}")


def _json(body: object) -> str:
    import json

    return json.dumps(body)


def _why(answer: Any) -> str:
    """What Keycloak says of its refusal; it quotes no secret."""
    try:
        said = answer.json()
    except ValueError:
        return ""
    text = (
        (said.get("errorMessage") or said.get("error_description") or said.get("error"))
        if isinstance(said, dict)
        else None
    )
    return f": {text[:200]}" if isinstance(text, str) and text.isprintable() else ""
