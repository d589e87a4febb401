"""What we build on that its library does not promise: named here and pinned, so that an upgrade says what to read again."""

import ast
import hashlib
import inspect
import re
import textwrap
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import flask
import pytest
import requests
import uvicorn
from authlib.integrations.flask_oauth2.requests import FlaskOAuth2Payload, FlaskOAuth2Request
from flask_smorest import Api
from keycloak import KeycloakOpenIDConnection
from keycloak.connection import ConnectionManager
from uvicorn.protocols.http.flow_control import FlowControl, service_unavailable
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from console.shell.problem import Rest
from gateway.http import server
from gateway.http.answer_writer import AnswerWriter
from gateway.http.target import TargetProtocol
from issuer.grants import _Request
from tests.architecture.source import ROOT

PINNED = ("authlib", "flask-smorest", "python-keycloak", "uvicorn")

# the method of uvicorn → what it takes; ours overrides it, or calls it
PROTOCOL = {
    "connection_made": "self, transport",
    "connection_lost": "self, exc",
    "data_received": "self, data",
    "on_message_begin": "self",
    "on_header": "self, name, value",
    "on_headers_complete": "self",
    "on_body": "self, body",
    "on_message_complete": "self",
    "on_response_complete": "self",
    "send_400_response": "self, msg",
    "_should_upgrade": "self",
    "_unsupported_upgrade_warning": "self",
    "_start_asgi_task": "self, cycle, app",
    "_get_upgrade": "self",
}
ONLY_CALLED = {"_get_upgrade"}
PROTOCOL_ATTRIBUTES = {
    "access_logger", "app", "asgi_version", "client", "connections", "cycle", "expect_100_continue", "flow", "headers",
    "limit_concurrency", "logger", "loop", "parser", "pipeline", "scope", "server", "server_state", "tasks",
    "transport", "url",
}  # fmt: skip
CYCLE = {"send": "self, message"}
CYCLE_TAKES = (
    "self, scope, transport, flow, logger, access_logger, access_log, default_headers, message_event, "
    "expect_100_continue, keep_alive, on_response"
)
CYCLE_ATTRIBUTES = {
    "chunked_encoding", "default_headers", "disconnected", "expected_content_length", "flow", "keep_alive",
    "message_event", "on_response", "response_complete", "response_started", "scope", "transport",
    "waiting_for_100_continue",
}  # fmt: skip
SERVER = {"startup": "self, sockets", "capture_signals": "self"}
# what ours does instead of: it was read in this form
REPLACED: dict[Callable[..., Any], str] = {
    HttpToolsProtocol.on_message_begin: "96d377fdc7c2",
    HttpToolsProtocol.on_header: "65d62c044f61",
    HttpToolsProtocol.on_headers_complete: "1ea8589acfad",
    HttpToolsProtocol.on_response_complete: "64e254f28e38",
    RequestResponseCycle.send: "abdd8601b326",
    uvicorn.Server.capture_signals: "e1bbcd4770d1",
}

KEYCLOAK = {
    "raw_get": "self, path, kwargs",
    "raw_post": "self, path, data, kwargs",
    "raw_put": "self, path, data, kwargs",
    "raw_delete": "self, path, data, kwargs",
    "add_param_headers": "self, key, value",
}
SMOREST = {"_register_error_handlers": "self", "handle_http_exception": "self, error"}


def takes(function: Callable[..., Any]) -> str:
    return ", ".join(inspect.signature(function).parameters)


def taken(owner: type, names: dict[str, str]) -> dict[str, str]:
    """What these methods take today."""
    return {name: takes(getattr(owner, name)) if hasattr(owner, name) else "is gone" for name in names}


def overridden(ours: type, theirs: type) -> set[str]:
    """The methods of `theirs`, and of what it is made of, that `ours` has its own of."""
    inherits = {name for base in theirs.__mro__ for name in vars(base)}
    return {name for name in vars(ours).keys() & inherits if not re.fullmatch(r"__\w+__", name)}


def inherited(ours: type) -> set[str]:
    """What `ours` reads or writes of itself that it does not define."""
    (one,) = ast.parse(textwrap.dedent(inspect.getsource(ours))).body
    used = {
        node.attr
        for node in ast.walk(one)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self"
    }
    return used - vars(ours).keys() - getattr(ours, "__annotations__", {}).keys()


def form(function: Callable[..., Any]) -> str:
    return hashlib.sha256(inspect.getsource(function).encode()).hexdigest()[:12]


@pytest.mark.parametrize("name", PINNED)
def test_a_library_whose_internals_we_use_is_pinned(name: str) -> None:
    pins = re.findall(rf'"{name}(?:\[[\w,]+\])?([=~<>!][^"]*)"', (ROOT / "pyproject.toml").read_text())
    assert pins == [f"=={version(name)}"]


def test_uvicorn_has_the_methods_we_override() -> None:
    assert overridden(TargetProtocol, HttpToolsProtocol) == PROTOCOL.keys() - ONLY_CALLED
    assert taken(HttpToolsProtocol, PROTOCOL) == PROTOCOL
    assert overridden(AnswerWriter, RequestResponseCycle) == CYCLE.keys()
    assert taken(RequestResponseCycle, CYCLE) == CYCLE
    assert takes(RequestResponseCycle.__init__) == CYCLE_TAKES
    assert overridden(server._ListenerServer, uvicorn.Server) == SERVER.keys()
    assert taken(uvicorn.Server, SERVER) == SERVER


@pytest.mark.parametrize("method", REPLACED, ids=lambda method: method.__qualname__)
def test_uvicorn_does_what_it_did_where_ours_does_it_instead(method: Callable[..., Any]) -> None:
    assert form(method) == REPLACED[method], f"{method.__qualname__} is another: read it, and what we made of it"


async def test_uvicorn_has_the_attributes_we_use() -> None:
    assert inherited(TargetProtocol) == PROTOCOL_ATTRIBUTES | ONLY_CALLED
    config = uvicorn.Config(service_unavailable, http=HttpToolsProtocol, ws="none", lifespan="off", log_config=None)
    protocol = HttpToolsProtocol(config=config, server_state=ServerState(), app_state={})
    protocol.on_message_begin()
    assert {name for name in PROTOCOL_ATTRIBUTES if not hasattr(protocol, name)} == set()
    assert isinstance(protocol.server_state.default_headers, list)
    assert inherited(AnswerWriter) == CYCLE_ATTRIBUTES
    values = dict.fromkeys(CYCLE_TAKES.removeprefix("self, ").split(", "))
    cycle = RequestResponseCycle(**values)  # type: ignore[arg-type]
    assert {name for name in CYCLE_ATTRIBUTES if not hasattr(cycle, name)} == set()
    assert {"pause_reading", "resume_reading", "drain"} - vars(FlowControl).keys() == set()
    assert "write_paused" in inspect.getsource(FlowControl.__init__)
    assert {"should_exit", "serve"} - {*vars(uvicorn.Server(config)), *vars(uvicorn.Server)} == set()


def test_python_keycloak_asks_over_two_sessions_of_requests() -> None:
    connection = KeycloakOpenIDConnection(
        server_url="http://127.0.0.1:9", grant_type="client_credentials", realm_name="city", client_id="c",
        client_secret_key="s", timeout=1, verify=True, max_retries=0,
    )  # fmt: skip
    for held in (connection, connection.keycloak_openid.connection):
        assert isinstance(held._s, requests.Session), "_s"
        assert held._s.trust_env is True
    assert taken(ConnectionManager, KEYCLOAK) == KEYCLOAK


def test_flask_smorest_registers_its_handlers_on_the_app_it_knows() -> None:
    assert overridden(Rest, Api) == SMOREST.keys()
    assert taken(Api, SMOREST) == SMOREST
    told = []

    class Telling(Api):  # type: ignore[misc]
        def _register_error_handlers(self) -> None:
            told.append(self._app)

    app = flask.Flask("probe")
    Telling(app, spec_kwargs={"title": "t", "version": "1", "openapi_version": "3.1.0"})
    assert told == [app]


def test_authlibs_request_is_what_ours_is_made_of() -> None:
    with flask.Flask("probe").test_request_context("/?a=b", base_url="http://localhost"):
        theirs, ours = FlaskOAuth2Request(flask.request), _Request()
        assert vars(theirs).keys() == vars(ours).keys()
        assert theirs._request is flask.request, "_request"
        assert isinstance(theirs.payload, FlaskOAuth2Payload)
        assert takes(FlaskOAuth2Request.__init__) == "self, request"
        assert ours.args["a"] == ours.payload.data["a"] == "b"
