"""The requests about grades and self-assessments that succeed if they are permitted."""

from tests.founded_city import Answer, CityDoor, tomorrow

ANSWERS = {"s_harmed": "society", "s_harm": "serious", "a_harmed": "society", "a_harm": "general", "basis": "duty"}
ANSWERING = "feng"  # asks for what is approved


def is_ours(path: str) -> bool:
    return "/systems" in path and "/zones" not in path


def ask(door: CityDoor, method: str, path: str, who: str) -> Answer:
    graded(door)
    values = {"system": "social", "control": "incident-plan"}
    if "{assessment}" in path:
        door.settle()
        values["assessment"] = door.ask("POST", "/api/v1/systems/social/assessments", ANSWERING).json["id"]
    body = {}
    if path.endswith("/grade"):
        body = {"json": ANSWERS} if "/api/" in path else {"form": ANSWERS}
    if path.endswith("/answer"):
        said = {"status": "met", "reason": "drilled", "until": tomorrow()}
        body = {"json": said} if "/api/" in path else {"form": said | {"until": tomorrow()[:10]}}
    if "{request}" in path:
        target = path.removesuffix("/approve/{request}").format(**values)
        sent = {"json": ANSWERS} if "/api/" in path else {"form": ANSWERS}
        values["request"] = door.ask("POST", target, ANSWERING, **sent).json["request"]
        body = {"json": {"verdict": "approve"}}
    return door.ask(method, path.format(**values), who, **body)  # type: ignore[arg-type]


def graded(door: CityDoor) -> None:
    """The system has a grade, as if it had been approved before."""
    with door.city.stores.database.transaction() as connection:
        connection.exec_driver_sql("UPDATE system SET s = 2, a = 2 WHERE id = 'social'")
