"""The catalogue's pages at the real door: from publishing to ending, and what they show of what was typed."""

import re

from tests.catalogue.publishing_city import OWN, PublishingCity, described, until
from tests.founded_city import CONSOLE, PORT, Answer


def test_pages_show_what_was_typed_as_text(city: PublishingCity) -> None:
    marked = "<script>alert(1)</script>"
    one = city.resource(description=marked, location='"><b>', name="页面")
    for path in ("/catalogue?q=%3Cscript%3E", "/catalogue", f"/catalogue/{one.resource}"):
        page = city.door.ask("GET", path, "sun", page=True)
        assert page.status == 200
        assert "<script" not in page.text
        assert "<b>" not in page.text
    assert "&lt;script&gt;" in page.text
    told = city.door.ask("GET", f"/api/v1/catalogue/{one.resource}", "zhao").json
    assert (told["description"], told["location"]) == (marked, '"><b>')


def test_the_catalogue_leads_to_the_form_of_a_department_only_where_it_owns_a_system(city: PublishingCity) -> None:
    shown = city.door.ask("GET", "/catalogue", "qian", page=True).text
    assert re.findall('href="(/departments/[^"]*/new)"', shown) == ["/departments/civil/resources/new"]


def test_a_browser_walks_the_pages_from_publishing_to_ending(city: PublishingCity) -> None:
    sun, qian = city.door.sign_in("sun"), city.door.sign_in("qian")
    ask, origin = city.door.ask, {"origin": f"http://{CONSOLE}:{PORT}"}

    def post(where: str, cookie: str, **form: str) -> Answer:
        form["csrf"] = city.door.csrf(cookie)
        return ask("POST", where, cookie=cookie, form=form, page=True, headers=origin)

    assert ask("GET", f"{OWN}/new", cookie=sun, page=True).status == 200
    made = post(OWN, sun, **described(name="走查"), system="housing", path="/open/properties")
    assert made.status == 303
    shown = ask("GET", made.location, cookie=sun, page=True)
    assert "1/1" in shown.text or "1 个" in shown.text or "全部" in shown.text or "网关" in shown.text
    place = made.location.partition("?")[0]
    identifier = place.rpartition("/")[2]
    app_page = post("/departments/civil/apps", qian, name="走查应用")
    assert app_page.status == 201
    (secret,) = re.findall(r"cg_app_[\w-]{43}", app_page.text)
    (app_id,) = set(re.findall(r"<p>\S+ <code>(app:\w+)</code>", app_page.text))
    assert secret not in ask("GET", "/departments/civil/apps", cookie=qian, page=True).text
    assert app_id in ask("GET", place, cookie=qian, page=True).text
    waits = post(f"{OWN}/{identifier}/shares", qian, app=app_id, purpose="走查", until=until())
    assert waits.status == 403
    number = city.door.ask("GET", "/api/v1/requests?of=asked", "qian").json["items"][0]["id"]
    assert post(f"{OWN}/{identifier}/shares/approve/{number}", sun, verdict="approve").status in (200, 303)
    resumed = post(f"/.citygate/resume/{number}", qian)
    assert resumed.status == 303, resumed.text
    assert city.call(app_id, secret).status == 200
    renewed = post(f"{OWN}/{identifier}/versions", sun, **described(name="走查", version="2.0"))
    assert "2.0" in ask("GET", renewed.location, cookie=sun, page=True).text
    (end,) = re.findall(rf"{OWN}/{identifier}/shared/\w+/end", ask("GET", place, cookie=sun, page=True).text)
    assert end not in ask("GET", place, cookie=qian, page=True).text
    assert post(end, sun).status == 303
    assert city.call(app_id, secret).status == 403
    assert post(f"{OWN}/{identifier}/withdraw", sun).status == 303
    assert ask("GET", place, cookie=qian, page=True).status == 404


def test_a_receipt_is_believed_only_on_the_page_it_was_made_for(city: PublishingCity) -> None:
    one, other = city.resource(name="凭据一"), city.resource(name="凭据二")
    cookie = city.door.sign_in("sun")
    form = described(name="凭据一") | {"csrf": city.door.csrf(cookie)}
    origin = {"origin": f"http://{CONSOLE}:{PORT}"}
    done = city.door.ask("POST", f"{OWN}/{one.resource}/versions", cookie=cookie, form=form, headers=origin)
    query = done.location.partition("?")[2]
    for resource, seen in ((one, True), (other, False)):
        page = city.door.ask("GET", f"/catalogue/{resource.resource}?{query}", cookie=cookie, page=True)
        assert ("已公布新版本" in page.text) == seen
    assert city.door.ask("GET", f"/catalogue/{one.resource}?receipt=zz", cookie=cookie, page=True).status == 200
