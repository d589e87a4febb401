"""The door as the issuer's client: what it asks for somebody, what it is answered, and what it redeems a code for."""

import base64
import hashlib
import http.client
import json
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from tests.issuer.live import CLIENT_ID, CLIENT_SECRET, MARRIAGE, Answer, Browser, LiveIssuer

VERIFIER = "v" * 64
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()


def request(**changed: str | None) -> dict[str, str]:
    usual = {"response_type": "code", "client_id": CLIENT_ID, "redirect_uri": f"{MARRIAGE}/.citygate/callback"}
    usual |= {"scope": "openid", "state": "s-1", "nonce": "n-1", "code_challenge": CHALLENGE}
    usual |= {"code_challenge_method": "S256"}
    return {name: value for name, value in (usual | changed).items() if value is not None}


def auth_url(issuer: LiveIssuer, **changed: str | None) -> str:
    return f"{issuer.url}/protocol/openid-connect/auth?{urlencode(request(**changed))}"


def answered(answer: Answer) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.location).query).items()}


def code_for(browser: Browser, login: str = "li", **changed: str | None) -> str:
    answer = browser.get(auth_url(browser.issuer, **changed))
    if answer.status == 200:
        answer = browser.sign_in(answer, login)
    return answered(answer)["code"]


def redeem(
    issuer: LiveIssuer, code: str, *, client: str = CLIENT_ID, secret: str = CLIENT_SECRET, **changed: str | None
) -> tuple[int, dict[str, Any]]:
    form = {"grant_type": "authorization_code", "code": code, "code_verifier": VERIFIER}
    form |= {"redirect_uri": f"{MARRIAGE}/.citygate/callback"} | changed
    pair = urlencode({"": client})[1:].replace("+", "%20") + ":" + urlencode({"": secret})[1:].replace("+", "%20")
    headers = {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}
    return post(issuer, {name: value for name, value in form.items() if value is not None}, headers)


def post(issuer: LiveIssuer, form: dict[str, str], headers: dict[str, str]) -> tuple[int, dict[str, Any]]:
    connection = http.client.HTTPConnection("127.0.0.1", issuer.port, timeout=10)
    headers = {"Host": f"login.localhost:{issuer.port}", "Content-Type": "application/x-www-form-urlencoded"} | headers
    connection.request("POST", f"{urlsplit(issuer.url).path}/protocol/openid-connect/token", urlencode(form), headers)
    response = connection.getresponse()
    answer = json.loads(response.read())
    connection.close()
    return response.status, answer
