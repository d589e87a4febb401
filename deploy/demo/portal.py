"""A portal behind the door, from beginning to end. A portal developer has to write the class `AssertionVerifier`."""

import argparse
import base64
import hashlib
import http.client
import itertools
import json
import threading
import time
from typing import Any

import jwt
from flask import Blueprint, Flask, Response, current_app, g, jsonify, render_template_string, request
from werkzeug.serving import WSGIRequestHandler, make_server

MAX_SEEN, SEEN_SECONDS, COOL_DOWN_SECONDS, MAX_KEYS_BYTES = 50_000, 120, 10, 65_536
MAX_APPLICATIONS, MAX_TEXT_CHARS = 1000, 500
APPLY = "提交申请|File an application"


class AssertionRefused(Exception):
    """The request carries no valid assertion of the door."""


class AssertionVerifier:
    """Believes a request only if the door signed for exactly this one. Thread-safe."""

    def __init__(self, address: str, *, host: str, audience: str) -> None:
        self._address, self._host, self._audience = address, host, audience
        self._keys: dict[str, jwt.PyJWK] = {}
        self._asked = float("-inf")
        self._seen: dict[str, float] = {}  # assertion id → when to forget it; oldest first
        self._lock = threading.Lock()

    def check(self, assertion: str, *, method: str, target: str) -> dict[str, Any]:
        """Return the claims, or raise AssertionRefused."""
        try:
            header = jwt.get_unverified_header(assertion)
            claims: dict[str, Any] = jwt.decode(
                assertion,
                self._key(header.get("kid")),
                algorithms=["EdDSA"],
                audience=self._audience,
                issuer=f"http://{self._host}",
                leeway=5,
                options={"require": ["iss", "aud", "sub", "name", "exp", "iat", "jti"]},
            )
        except jwt.PyJWTError as failure:
            raise AssertionRefused from failure
        stated = (header.get("typ"), claims.get("htm"), claims.get("htu"))
        if stated != ("citygate-assertion+jwt", method, target) or not self._is_new(claims["jti"]):
            raise AssertionRefused
        return claims

    def _key(self, kid: str | None) -> jwt.PyJWK:
        with self._lock:
            # A new key is fetched when it is first seen; unknown ids cannot make us ask all the time.
            if kid not in self._keys and time.monotonic() - self._asked > COOL_DOWN_SECONDS:
                self._asked = time.monotonic()
                self._keys = self._fetch()
            if kid not in self._keys:
                raise AssertionRefused
            return self._keys[kid]

    def _fetch(self) -> dict[str, jwt.PyJWK]:
        connection = http.client.HTTPConnection(self._address, timeout=3)
        try:
            connection.request("GET", "/.well-known/citygate/jwks.json", headers={"Host": self._host})
            keys = json.loads(connection.getresponse().read(MAX_KEYS_BYTES))["keys"]
            return {key["kid"]: jwt.PyJWK(key, "EdDSA") for key in keys}
        except (OSError, http.client.HTTPException, ValueError, LookupError, TypeError) as failure:
            self._asked = float("-inf")  # nothing was learnt: the next request may ask
            raise AssertionRefused from failure
        finally:
            connection.close()

    def _is_new(self, assertion_id: str) -> bool:
        now = time.monotonic()
        with self._lock:
            while self._seen and self._seen[oldest := next(iter(self._seen))] < now:
                del self._seen[oldest]
            if assertion_id in self._seen or len(self._seen) >= MAX_SEEN:
                return False
            self._seen[assertion_id] = now + SEEN_SECONDS
            return True


# What differs between the three; texts are "Chinese|English", a heading first.
PORTALS: dict[str, dict[str, Any]] = {
    "marriage": {
        "title": "民政局 · 婚姻登记|Civil Affairs · Marriage registration",
        "file": ("登记档案|Registration file", "2019-05-20 结婚登记|2019-05-20 Marriage registered"),
        "certificate": ("婚姻登记证明|Marriage certificate", "双方于 2019-05-20 登记结婚。|Registered on 2019-05-20."),
        "certificate-form": "申请加盖公章的副本：用途|Order a certified copy: purpose",
    },
    "housing": {
        "title": "住建局 · 房产查询|Housing · Property records",
        "file": ("房产档案|Property file", "2021-08-03 购房合同备案|2021-08-03 Contract filed"),
        "certificate": ("房产证明|Certificate of property", "名下有住宅一套，89 平方米。|One dwelling of 89 m²."),
        "open": {"/open/properties": [{"id": "H-0017", "area": 89}, {"id": "H-0018", "area": 120}]},
    },
    "social": {
        "title": "人社局 · 社保服务|Human Resources · Social insurance",
        "file": ("参保档案|Insurance file", "2025 年缴费 12 个月|2025: 12 months paid"),
        "certificate": ("社保缴费证明|Certificate of contributions", "累计缴费 84 个月。|84 months are recorded."),
    },
}

PAGE = """<!doctype html><html lang="{{ t('zh-CN|en') }}"><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>{{ heading }}</title>
<style>{{ css|safe }}</style><header><strong>{{ t(g.portal.title) }}</strong>
{% if g.who %}<nav aria-label="{{ t('门户|Portal') }}"><a href="/">{{ t('首页|Home') }}</a>
<a href="{{ config.CONSOLE }}/">{{ t('我的主页|My home') }}</a>
<a href="/.citygate/logout">{{ t('退出登录|Sign out') }}</a></nav>{% endif %}</header>
<main><h1>{{ heading }}</h1>{% for line in lines %}<p>{{ line }}</p>{% endfor %}
{% if links %}<ul>{% for href, label in links %}<li><a href="{{ href }}">{{ t(label) }}</a></li>{% endfor %}</ul>
{% endif %}{% if form %}<form method="post"><label for="text">{{ t(form) }}</label><textarea id="text" name="text"
maxlength="500" required></textarea><button>{{ t('提交|Submit') }}</button></form>{% endif %}</main></html>"""

STYLE = """:root{color-scheme:light dark;--ink:light-dark(#1d2433,#e8ebf2);--paper:light-dark(#fff,#14181f);
--accent:light-dark(#0b5cad,#7db8ff)}
body{margin:0;color:var(--ink);background:var(--paper);font:1.0625rem/1.6 system-ui,sans-serif}
header{display:flex;flex-wrap:wrap;gap:.5rem 1.5rem;border-bottom:3px solid var(--accent);
 padding:1rem max(1.5rem,calc(50% - 27rem))}
nav{display:flex;flex-wrap:wrap;gap:.25rem 1rem;margin-left:auto}a{color:var(--accent)}label{display:block}
main{padding:1.5rem max(1.5rem,calc(50% - 27rem)) 4rem}main>*{max-width:42rem}
h1{font-size:1.6rem;line-height:1.3}ul{padding:0;list-style:none}
li{margin:.6rem 0;padding:.9rem 1.1rem;border:1px solid #8886;border-radius:.4rem}
p{white-space:pre-line;overflow-wrap:anywhere}textarea{width:100%;height:8rem;font:inherit}
:focus-visible{outline:3px solid #f5a623;outline-offset:2px}
button{margin-top:1rem;padding:.6rem 1.4rem;border:0;font:inherit;color:var(--paper);background:var(--accent)}"""
STYLE_DIGEST = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
POLICY = f"default-src 'none'; style-src 'sha256-{STYLE_DIGEST}'; form-action 'self'; frame-ancestors 'none'"
views = Blueprint("portal", __name__)


def text(both: str) -> str:
    """The reader's half of "Chinese|English", Chinese first."""
    return both.split("|")[request.accept_languages.best_match(["zh", "en"], "zh") == "en"]


def create_portal(portal: dict[str, Any], verifier: AssertionVerifier, host: str, console: str) -> Flask:
    """The portal's application."""
    app = Flask("portal", static_folder=None)
    app.config.update(PORTAL=portal, VERIFIER=verifier, HOST=host, CONSOLE=console, MAX_FORM_MEMORY_SIZE=16_384)
    app.config["APPLICATIONS"] = []  # (subject, text)
    app.register_blueprint(views)
    return app


def page(heading: str, *lines: str, status: int = 200, **more: object) -> Response:
    """One page in the portal's frame."""
    return Response(render_template_string(PAGE, t=text, css=STYLE, heading=heading, lines=lines, **more), status)


@views.before_app_request
def only_through_the_door() -> Response | None:
    """Nothing is served before the door's assertion was checked; forms must come from this very origin."""
    g.who, g.portal = None, current_app.config["PORTAL"]
    try:
        assertion, target = request.headers.get("X-Citygate-Assertion", ""), request.environ["REQUEST_URI"]
        g.who = current_app.config["VERIFIER"].check(assertion, method=request.method, target=target)
    except AssertionRefused:
        hint = text("本服务只接受经统一门户转来的访问。|This service is only reachable through the door.")
        return page(text("请从统一门户进入|Please come through the door"), hint, status=401)
    origin = f"http://{current_app.config['HOST']}"
    if request.method not in {"GET", "HEAD"} and request.headers.get("Origin") != origin:
        return page(text("请求来源不明|The request came from elsewhere"), status=403)
    return None


@views.after_app_request
def harden(answer: Response) -> Response:
    """No answer is cached, and none runs anything."""
    answer.headers.setdefault("Cache-Control", "no-store")
    answer.headers.update({"X-Content-Type-Options": "nosniff", "Content-Security-Policy": POLICY})
    return answer


@views.get("/")
def home() -> Response:
    """Greets whom the door names, and leads on."""
    links = {"/files/1": g.portal["file"][0], "/certificates/17": g.portal["certificate"][0], "/applications": APPLY}
    return page(text("您好，|Hello, ") + g.who["name"], links=links.items())


@views.get("/files/1", defaults={"kind": "file"})
@views.get("/certificates/17", defaults={"kind": "certificate"})
def document(kind: str) -> Response:
    """One document; who may read it was decided at the door."""
    return page(*map(text, g.portal[kind]), g.who["name"], form=g.portal.get(f"{kind}-form"))


@views.get("/applications")
def application_form() -> Response:
    """Her own applications, known by the pairwise subject, and the form for one more."""
    mine = [reason for subject, reason in current_app.config["APPLICATIONS"] if subject == g.who["sub"]]
    return page(text(APPLY), *mine, form="申请事由|Reason")


@views.post("/applications")
@views.post("/certificates/17")
def apply() -> Response:
    """File an application."""
    applications, body = current_app.config["APPLICATIONS"], request.get_data()
    reason = request.form.get("text", "").strip()[:MAX_TEXT_CHARS]
    if not reason or len(applications) >= MAX_APPLICATIONS:
        return page(text("未能受理|Not accepted"), text("请填写申请事由。|Please give a reason."), status=422)
    applications.append((g.who["sub"], reason))
    received = f"№ {len(applications)} · {len(body)} B · SHA-256 {hashlib.sha256(body).hexdigest()}"
    return page(text("申请已受理|Application received"), received, reason, status=201)


@views.get("/whoami")
def whoami() -> Response:
    """The assertion as it was verified."""
    return jsonify(g.who)


@views.get("/open/<name>")
def open_api(name: str) -> Response | tuple[Response, int]:
    """What other departments' apps read, as the catalogue publishes it; for which app, the door says."""
    rows = g.portal.get("open", {}).get(f"/open/{name}")
    return (jsonify(items=rows, reader=g.who["name"])) if rows is not None else (jsonify(error="not-found"), 404)


@views.get("/events")
def events() -> Response:
    """A stream of server-sent events, one a second."""

    def tick(number: int) -> str:
        time.sleep(number > 1)
        return f"id: {number}\ndata: {number}\n\n"

    return Response(map(tick, itertools.count(1)), mimetype="text/event-stream")


@views.post("/echo")
def echo() -> Response:
    """Digest and length of whatever is sent, read as it comes."""
    digest, length = hashlib.sha256(), 0
    while chunk := request.stream.read(65_536):
        digest.update(chunk)
        length += len(chunk)
    return jsonify(bytes=length, sha256=digest.hexdigest())


class Handler(WSGIRequestHandler):
    """Speaks HTTP/1.1, for streams, and leaves the log to the door, which records every request."""

    protocol_version = "HTTP/1.1"

    def log_request(self, *_: object) -> None: ...


def main() -> None:
    """Serve one portal on loopback."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--name", choices=PORTALS, required=True)
    for flag in ("--port", "--door", "--host", "--console"):
        parser.add_argument(flag, required=True)
    told = parser.parse_args()
    verifier = AssertionVerifier(told.door.removeprefix("http://"), host=told.host, audience=told.name)
    app = create_portal(PORTALS[told.name], verifier, told.host, told.console)
    make_server("127.0.0.1", int(told.port), app, threaded=True, request_handler=Handler).serve_forever()


if __name__ == "__main__":
    main()
