"""The proxy one writes first: Flask in front, a pooled `requests.Session` behind; nobody is asked who they are.

Started by granian with two workers of 16 threads (`loadtests/running.py`), UPSTREAM in the environment.
"""

import os

import requests
from flask import Flask, Response, request
from requests.adapters import HTTPAdapter

_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "content-length"}
_UPSTREAM = os.environ["UPSTREAM"]
_SESSION = requests.Session()
_SESSION.trust_env = False  # looking for proxies in the environment costs as much as the rest
_SESSION.mount("http://", HTTPAdapter(pool_connections=1, pool_maxsize=32))
app = Flask(__name__)


@app.route("/", defaults={"path": ""}, methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
@app.route("/<path:path>", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
def forward(path: str) -> Response:
    """Send the request on and the answer back."""
    headers = {name: value for name, value in request.headers if name.lower() not in _HOP_BY_HOP}
    answer = _SESSION.request(
        request.method, f"{_UPSTREAM}/{path}", params=request.query_string, headers=headers, data=request.get_data(),
        allow_redirects=False, timeout=30,
    )  # fmt: skip
    kept = [(name, value) for name, value in answer.headers.items() if name.lower() not in _HOP_BY_HOP]
    return Response(answer.content, answer.status_code, kept)
