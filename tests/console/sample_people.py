"""Sample values of the pages of people and their roles, in each of their states."""

from collections.abc import Iterator, Mapping
from datetime import timedelta

from tests.console.sample_frame import CSRF, NOW, RECEIPT, WANG, page

_PEOPLE = {
    "page": page("/departments/civil/people"),
    "department": {"name": "市民政局"},
    "tree": [
        {
            "name": "市民政局",
            "href": "/departments/civil/people",
            "current": True,
            "children": [
                {"name": "婚姻登记处", "href": "/departments/civil-marriage/people", "current": False, "children": []},
                {"name": "社会救助科", "href": "/departments/civil-relief/people", "current": False, "children": []},
            ],
        }
    ],
    "q": "",
    "people": [
        {"name": name, "login": login, "unit": unit, "roles": roles, "href": f"/departments/civil/people/{login}"}
        for name, login, unit, roles in (
            ("王芳", "wangfang", "婚姻登记处", ["登记员", "档案查询员"]),
            ("欧阳志远", "ouyangzy", "社会救助科", ["救助审核员"]),
            ("𠮷田 美咲", "yoshida", "婚姻登记处", []),
        )
    ],
    "next_url": "?cursor=b3V5YW5nenk",
}
_PERSON = {
    "page": page("/departments/civil/people/wangfang"),
    "person": {"id": WANG, "name": "王芳", "login": "wangfang", "unit": "婚姻登记处"},
    "people_url": "/departments/civil/people",
    "csrf": CSRF,
    "assignments": [
        {
            "role": "登记员",
            "allows": "办理婚姻登记",
            "department": "婚姻登记处",
            "clearance": 2,
            "since": NOW,
            "by": "陈立",
            "until": NOW + timedelta(days=180),
            "take_back": "/departments/civil/assignments/7/take-back",
        },
        {
            "role": "audit-administrator",
            "allows": "查阅全部记录",
            "department": "全市",
            "clearance": 4,
            "since": NOW,
            "by": "陈立",
            "until": None,
            "take_back": None,
        },
    ],
    "form": {
        "action": "/departments/civil/people/wangfang/assignments",
        "roles": [
            {"id": "registrar", "name": "登记员", "allows": "办理婚姻登记"},
            {"id": "archivist", "name": "档案查询员", "allows": "查询婚姻档案"},
        ],
        "departments": [{"id": "civil-marriage", "name": "婚姻登记处"}],
        "clearances": [1, 2, 3],
        "filled": {"role": "", "department": "", "clearance": 2, "until": "2027-05-20", "reason": ""},
    },
    "errors": [],
    "conflict": None,
    "receipt": None,
    "history": [
        {
            "at": NOW,
            "what": what,
            "role": "登记员",
            "department": "婚姻登记处",
            "by": "陈立",
            "href": "/audit/records/41",
        }
        for what in ("given", "taken-back")
    ],
}


def states() -> Iterator[tuple[str, str, Mapping[str, object]]]:
    """(template, state, values), the usual state first."""
    yield "people.html", "first", _PEOPLE
    yield "people.html", "no-match", _PEOPLE | {"q": "<王>", "people": [], "next_url": None}
    yield "people.html", "empty", _PEOPLE | {"people": [], "next_url": None}
    yield from (("person.html", state, _PERSON | values) for state, values in _person_states().items())


def _person_states() -> Mapping[str, Mapping[str, object]]:
    undo = {"action": "/departments/civil/assignments/7/take-back", "fields": {"reason": "undo"}}
    return {
        "first": {},
        "given": {"receipt": RECEIPT | {"what": "given", "undo": undo}},
        "conflict": {"conflict": {"asked": "audit-administrator", "held": "security-administrator", "rule": "SoD-1"}},
        "wrong": {"errors": [{"field": "role", "code": "role-missing"}, {"field": "", "code": "own-role"}]},
        "powerless": {"form": None, "assignments": [], "history": []},
    }
