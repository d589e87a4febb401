"""The offices and what each may do: the product's own rules, beside which a city publishes those of its systems.

`docs/duties.md` shows the same matrix. System, security and audit administrators exclude each other (三员分立),
and each excludes the department administrator.
"""

from authz.label import Label
from authz.policy import Rule
from authz.request import Effect
from storage.actions import Action

PERSON = "person"  # everybody who can sign in
CITIZEN = "citizen"
STAFF = "staff"
DEPARTMENT_ADMINISTRATOR = "department-administrator"
SYSTEM_ADMINISTRATOR = "system-administrator"
SECURITY_ADMINISTRATOR = "security-administrator"
AUDIT_ADMINISTRATOR = "audit-administrator"
CLOCK = "clock"
KEY_USER = "key-user"

# the three (三员), each filled twice at the founding
THREE = frozenset({SYSTEM_ADMINISTRATOR, SECURITY_ADMINISTRATOR, AUDIT_ADMINISTRATOR})
# whoever holds one of these holds none of the others (GB/T 22239-2019 8.1.5): an auditor who may give roles changes
# what he audits, and a system administrator gives none
EXCLUSIVE = THREE | {DEPARTMENT_ADMINISTRATOR}

# their desks are at label 3: administrators need a second factor (GB/T 22239-2019 8.1.4.1 d)
_AT_LABEL_3 = EXCLUSIVE | {KEY_USER}

# role → zh name, en name, what it allows in zh, in en
NAMES = {
    CITIZEN: ("市民", "Citizen", "使用面向市民的服务", "Use the services for citizens"),
    STAFF: ("工作人员", "Staff", "登录并查看自己的主页", "Sign in and see one's own home"),
    DEPARTMENT_ADMINISTRATOR: (
        "部门管理员",
        "Department administrator",
        "在本部门内授予和收回角色",
        "Give and take roles inside the department",
    ),
    SYSTEM_ADMINISTRATOR: ("系统管理员", "System administrator", "运行平台", "Run the platform"),
    SECURITY_ADMINISTRATOR: (
        "安全管理员",
        "Security administrator",
        "授予特权角色",
        "Give privileged roles",
    ),
    AUDIT_ADMINISTRATOR: ("审计管理员", "Audit administrator", "检索并校验审计记录", "Search and verify the audit log"),
    KEY_USER: (
        "密钥使用者",
        "Key user",
        "使用本部门的密钥加密、解密、签名和验签",
        "Seal, open, sign and check with the department's keys",
    ),
    CLOCK: ("定时任务", "Clock-job", "运行定时任务", "Run what is due"),
}

_CATALOGUE_OF_ALL = tuple(
    (f"/console/{prefix}catalogue{rest}", Action.READ) for prefix in ("", "api/v1/") for rest in ("", "/*")
)
_CATALOGUE_OF_OWNER = tuple(
    (f"/console/{prefix}departments/*", action)
    for prefix in ("", "api/v1/")
    for action in (
        Action.RESOURCE_READ,
        Action.RESOURCE_PUBLISH,
        Action.RESOURCE_WITHDRAW,
        Action.SHARE_APPROVE,
        Action.SHARE_END,
        Action.APP_READ,
        Action.APP_CREATE,
        Action.APP_END,
    )
)

_BACKUPS = tuple(
    (f"/console/{path}", Action.BACKUP_READ)
    for path in ("backups", "api/v1/backups", "api/v1/backups/*", "api/v1/drills", "api/v1/drills/*")
)
_DESKS = {
    PERSON: (
        ("/console/", Action.READ),
        ("/console/sessions/*", Action.SESSION_END),
        ("/console/api/v1/sessions", Action.READ),
        ("/console/api/v1/sessions", Action.SESSION_END),
        ("/console/requests", Action.REQUEST_READ),
        ("/console/api/v1/requests", Action.REQUEST_READ),
        ("/console/api/v1/requests/*", Action.REQUEST_READ),
    ),
    STAFF: (*_CATALOGUE_OF_ALL, *((f"/console/{prefix}departments/*", Action.SHARE_ASK) for prefix in ("", "api/v1/"))),
    DEPARTMENT_ADMINISTRATOR: (
        *_CATALOGUE_OF_OWNER,
        *(
            (f"/console/{prefix}departments/*", action)
            for prefix in ("", "api/v1/")
            for action in (Action.PEOPLE_READ, Action.ROLE_ASSIGN, Action.ROLE_REVOKE)
        ),
    ),
    SYSTEM_ADMINISTRATOR: (
        ("/console/api/v1/issuer/drift", Action.ISSUER_READ),
        ("/console/api/v1/issuer/apply", Action.ISSUER_APPLY),
        *_BACKUPS,
        ("/console/backups/*", Action.BACKUP_RUN),
        ("/console/api/v1/backups", Action.BACKUP_RUN),
        ("/console/backups/*", Action.BACKUP_DRILL),
        ("/console/api/v1/drills", Action.BACKUP_DRILL),
    ),
    SECURITY_ADMINISTRATOR: (
        *(
            (f"/console/{prefix}departments/*", action)
            for prefix in ("", "api/v1/")
            for action in (Action.PEOPLE_READ, Action.ROLE_ASSIGN, Action.ROLE_REVOKE)
        ),
        *(
            (f"/console/{prefix}systems{rest}", action)
            for prefix in ("", "api/v1/")
            for rest in ("", "/*")
            for action in (
                Action.GRADE_READ,
                Action.GRADE_PROPOSE,
                Action.GRADE_APPROVE,
                Action.ASSESS_RUN,
                Action.ASSESS_ANSWER,
            )
        ),
        *_BACKUPS,
    ),
    AUDIT_ADMINISTRATOR: (
        ("/console/audit", Action.AUDIT_READ),
        ("/console/audit/*", Action.AUDIT_READ),
        ("/console/api/v1/audit/*", Action.AUDIT_READ),
        *_BACKUPS,
    ),
    CLOCK: (("/console/api/v1/jobs/*", Action.JOB_RUN),),
}
# who makes and rotates keys uses none, and who uses them makes none
_DESKS[SECURITY_ADMINISTRATOR] += (
    ("/console/keys", Action.KEY_READ),
    *(("/console/departments/*", action) for action in (Action.KEY_ROTATE, Action.KEY_APPROVE)),
    *(
        ("/console/api/v1/departments/*", action)
        for action in (Action.KEY_READ, Action.KEY_CREATE, Action.KEY_ROTATE, Action.KEY_APPROVE, Action.KEY_SUITE)
    ),
)
_DESKS[KEY_USER] = tuple(
    ("/console/api/v1/departments/*", use)
    for use in (Action.KEY_ENCRYPT, Action.KEY_DECRYPT, Action.KEY_REWRAP, Action.KEY_SIGN, Action.KEY_VERIFY)
)

# machines and zones: a department asks and keeps, the platform's administrators agree, guards open what is between
_ZONES = tuple(
    (f"/console/{path}", Action.ZONE_READ) for path in ("zones", "api/v1/zones", "api/v1/zones/*", "api/v1/flows")
)
_KEEPS = (Action.MACHINE_READ, Action.MACHINE_START, Action.MACHINE_STOP, Action.MACHINE_DELETE)
_INFRA = {
    DEPARTMENT_ADMINISTRATOR: tuple(
        (f"/console/{prefix}departments/*", action)
        for prefix in ("", "api/v1/")
        for action in (Action.MACHINE_REQUEST, *_KEEPS)
    ),
    SYSTEM_ADMINISTRATOR: (
        *_ZONES,
        ("/console/api/v1/zones/apply", Action.ZONE_APPLY),
        ("/console/api/v1/departments/*", Action.QUOTA_SET),
        *(
            (f"/console/{prefix}departments/*", action)
            for prefix in ("", "api/v1/")
            for action in (Action.MACHINE_APPROVE, *_KEEPS)
        ),
    ),
    SECURITY_ADMINISTRATOR: (
        *_ZONES,
        *(
            (f"/console/{prefix}zones/*", action)
            for prefix in ("api/v1/", "")
            for action in (Action.FLOW_OPEN, Action.FLOW_APPROVE, Action.FLOW_CLOSE)
        ),
    ),
}
_DESKS = {role: (*_DESKS.get(role, ()), *_INFRA.get(role, ())) for role in _DESKS}

# every role that a person starts with also means: may sign in, see one's home, end one's sessions
INHERITS = tuple((role, PERSON) for role in (CITIZEN, STAFF))

RULES = tuple(
    Rule(
        id=f"office-{role}-{number}", subject=role, department="*", object=object_, action=action, effect=Effect.PERMIT
    )
    for role, desks in _DESKS.items()
    for number, (object_, action) in enumerate(desks, 1)
)


def clearance_for(role: str) -> Label:
    """The clearance that opens the role's desks, for whoever gives the role and states none."""
    return Label.L3 if role in _AT_LABEL_3 else Label.L2
