"""Sample values of the pages of the catalogue and of apps, in each of their states."""

from collections.abc import Iterator, Mapping

from tests.console.sample_frame import CSRF, MARKED, NOW, RECEIPT, REQUEST, WANG, page


def states() -> Iterator[tuple[str, str, Mapping[str, object]]]:
    """(template, state, values), the usual state first."""
    texts = ("publisher", "category", "version", "description", "carrier", "form", "location")
    nine = dict.fromkeys(texts, MARKED["name"]) | {"name": MARKED["name"], "produced": "2026-03-01"}
    told = nine | {"id": REQUEST, "href": f"/catalogue/{REQUEST}", "owner": "市住房和城乡建设局", "label": 3}
    told |= {"url": "http://housing.localhost/open/properties", "published_at": NOW, "record": REQUEST}
    receipt = RECEIPT | {"what": "resource-published"}
    listed = {"page": page("/catalogue"), "q": "", "resources": [told], "next_url": "?before=1", "receipt": None}
    listed |= {"new": [("/departments/civil/resources/new", MARKED["name"])]}
    yield "catalogue.html", "first", listed | {"receipt": receipt}
    yield "catalogue.html", "nothing", listed | {"resources": [], "q": "<b>", "next_url": None}
    yield "catalogue.html", "empty", listed | {"resources": [], "new": [], "next_url": None}
    share = {"app": MARKED, "department": "市民政局", "purpose": MARKED["name"], "until": NOW, "end": "/end"}
    shown = {
        "page": page("/catalogue"), "resource": told, "csrf": CSRF, "shares": [share, share | {"end": None}],
        "versions": [{"version": "2", "published_at": NOW, "ended_at": None},
                     {"version": "<b>1</b>", "published_at": NOW, "ended_at": NOW}],
        "apps": [MARKED], "ask": {"action": "/ask", "app": WANG, "purpose": "<b>", "until": "2026-12-01"},
        "own": {"action": "/own", "filled": nine}, "longest": 366, "errors": [], "receipt": None,
    }  # fmt: skip
    yield "resource.html", "first", shown | {"receipt": {"what": "resource-renewed"}}
    wrong = [{"field": "purpose", "code": "text-missing"}, {"field": "name", "code": "name-invalid"}]
    yield "resource.html", "wrong", shown | {"errors": wrong}
    yield "resource.html", "other", shown | {"own": None, "apps": [], "shares": [], "receipt": receipt}
    new = {"page": page("/catalogue"), "csrf": CSRF, "department": MARKED | {"id": "civil"}, "systems": [MARKED]}
    new |= {"filled": nine | {"system": "x", "path": '"<b>'}, "errors": []}
    yield "resource_new.html", "first", new
    yield "resource_new.html", "wrong", new | {"errors": [{"field": "path", "code": "not-served"}]}
    use = {"name": MARKED["name"], "href": "/catalogue/1", "until": NOW, "end": "/end"}
    app = {"app": MARKED | {"expires_at": NOW, "paused_at": None}, "href": "/app", "uses": [use]}
    paused = app | {"app": MARKED | {"expires_at": NOW, "paused_at": NOW}}
    apps = {"page": page("/departments/civil/apps"), "department": "市民政局", "csrf": CSRF, "action": "/apps"}
    apps |= {"apps": [app, app | {"uses": []}, paused], "new_app": None, "name": "", "errors": [], "receipt": None}
    yield "apps.html", "first", apps | {"receipt": receipt}
    yield "apps.html", "made", apps | {"new_app": MARKED | {"secret": "cg_app_<b>"}}
    yield (
        "apps.html",
        "wrong",
        apps | {"apps": [], "name": "<b>", "errors": [{"field": "name", "code": "name-invalid"}]},
    )
