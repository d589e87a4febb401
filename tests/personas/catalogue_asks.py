"""The requests of the catalogue's desks and API that succeed if they are permitted."""

from authz.label import Label
from authz.park import ApprovalRequest
from authz.request import Missing
from city.identifiers import mint
from tests.catalogue.publishing_city import PublishingCity, described, until
from tests.founded_city import CONSOLE, Answer, CityDoor, tomorrow

SYSTEMS = {"civil-registry": "social", "civil": "marriage", "housing": "housing"}


def is_ours(path: str) -> bool:
    return any(noun in path for noun in ("/resources", "/catalogue", "/apps"))


def ask(door: CityDoor, method: str, path: str, who: str, department: str) -> Answer:
    publisher, values = PublishingCity(door), {"department": department}
    if "/apps" not in path:
        made = publisher.resource(department)
        values["resource"] = made.resource
        if "{share}" in path:
            values["share"] = publisher.share(made, publisher.app()[0]).id
    if "{app}" in path:
        values["app"] = publisher.app(department)[0]
        if "{share}" in path:
            values["share"] = publisher.share(publisher.resource("housing"), values["app"]).id
    if "{request}" in path:
        values["request"] = waiting(door, path.format(**values, request="").removesuffix("/approve/"), department)
    body = _body(path, department) if method == "POST" else None
    key = "json" if path.startswith("/api/") else "form"
    return door.ask(method, path.format(**values), who, **{key: body})  # type: ignore[arg-type]


def _body(path: str, department: str) -> dict[str, str]:
    last = path.rpartition("/")[2]
    if "approve" in path:
        return {"verdict": "approve"}
    when = tomorrow() if path.startswith("/api/") else until()
    return {
        "resources": described() | {"system": SYSTEMS[department], "path": "/open/properties"},
        "versions": described(version="2.0"),
        "shares": {"app": "app:01J", "purpose": "x", "until": when},
        "apps": {"name": "核验"},
    }.get(last, {})


def waiting(door: CityDoor, path: str, department: str) -> str:
    """A request of somebody else's that waits there."""
    verb, approving = ("app:resume", "app:approve") if "/apps/" in path else ("share:ask", "share:approve")
    wanted = ApprovalRequest(
        department=department, object=f"/console{path}", action=verb, approve_action=approving, label=Label.L3,
    )  # fmt: skip
    return door.city.deciding.parking.park(
        subject=f"user:{mint()}", host=CONSOLE, missing=Missing.APPROVER, method="POST", target=path, headers=(),
        body=b"", record=mint(), approval_request=wanted,
    ).id  # fmt: skip
