"""What is behind the door of the tests: an upstream's routes, views that say what they know, and who may what."""

from collections.abc import Iterable
from dataclasses import replace

from flask import Flask, request

from authz.errors import AssignmentUnknown
from authz.label import Label
from authz.policy import Assignment, PolicySet, Rule
from authz.request import Effect
from gateway.local import exchange, guard
from gateway.public_rules import public_rules
from gateway.routes import Route

HOST, DESK, ELSEWHERE, ASKED = "permits.localhost", "desk.localhost", "other.localhost", "asked.localhost"
LI, WANG = "user:li", "user:wang"  # Li may, Wang may nothing but what everybody may
CITY = "city"

# what the upstream has: an object of each label, a page for everybody, writes, a stream
_PATHS = {
    "/": {"GET": "read"},
    "/public/**": {"GET": "read"},
    "/low/**": {"GET": "read", "POST": "file"},
    "/secret/**": {"GET": "read", "POST": "file"},
    "/unruled/**": {"GET": "read", "POST": "file"},
}
_LABELS = {"/public/**": Label.L1, "/secret/**": Label.L3}


def routes_behind(url: str) -> list[Route]:
    """All there is besides what the door itself serves; one host's upstream is behind a data plane that asks."""
    asked = [replace(one, forward_auth=True) for one in _upstream_routes(ASKED, url)[:3]]
    return [*_upstream_routes(HOST, url), *_upstream_routes(ELSEWHERE, url), *asked, *_local_routes()]


def _upstream_routes(host: str, url: str) -> list[Route]:
    return [
        Route(
            host=host,
            path=path,
            system=host.partition(".")[0],
            department=CITY,
            actions=actions,
            upstream=url,
            label=_LABELS.get(path, Label.L2),
            public=path == "/public/**",
            grace_seconds=60,
        )
        for path, actions in _PATHS.items()
    ]


def _local_routes() -> list[Route]:
    def route(path: str, label: Label = Label.L2, **actions: str) -> Route:
        return Route(
            host=DESK, path=path, system="desk", department=CITY, actions=actions, label=label, delivery="local",
            body_bytes=1000,
        )  # fmt: skip

    return [
        route("/notes/{note}", GET="read", POST="note:write"),
        route("/secret", Label.L3, GET="read", POST="note:write"),
        route("/broken", GET="read"),
        route("/gone", POST="note:write"),
    ]


def application() -> Flask:
    """Views that say what they know, and two that fail: one by a bug, one by a refusal from a lower room."""
    app = Flask("desk", static_folder=None)
    app.config["PROPAGATE_EXCEPTIONS"] = True
    guard(app)

    @app.route("/notes/<note>", methods=["GET", "POST"])
    def note(note: str) -> tuple[dict[str, object], int]:
        talk = exchange()
        talk.recorded.notes["note"] = note
        if request.method == "POST":
            app.config.get("HOLD", lambda: None)()
        told = {"subject": talk.recorded.identity.subject, "body": request.get_data(as_text=True), "note": note}
        return told, 201 if request.method == "POST" else 200

    @app.route("/secret", methods=["GET", "POST"])
    def secret() -> str:
        return "the secret"

    @app.route("/unrouted")
    def unrouted() -> str:
        return "nobody may see this"

    @app.get("/broken")
    def broken() -> str:
        raise ZeroDivisionError("canary-in-a-bug")

    @app.post("/gone")
    def gone() -> str:
        exchange().recorded.notes.update(app.config.get("WRITTEN", {}))
        raise AssignmentUnknown("g1")

    return app


_RULES = {
    **{
        f"/{system}/{path}": ("read", "file")
        for system in ("permits", "other", "asked")
        for path in ("", "low/*", "secret/*")
    },
    "/desk/*": ("read", "note:write"),
}


def policies(routes: Iterable[Route]) -> PolicySet:
    """Li reads and files everywhere but where no rule is; everybody has what is public."""
    rules = [
        Rule(id=f"{at}-{action}", subject="clerk", department=CITY, object=path, action=action, effect=Effect.PERMIT)
        for at, (path, actions) in enumerate(_RULES.items())
        for action in actions
    ]  # fmt: skip
    held = Assignment(id="g1", subject=LI, role="clerk", department=CITY, clearance=Label.L3)
    return PolicySet.build([*rules, *public_rules(routes)], [held])
