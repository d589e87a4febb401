"""The offices and what each may do: the product's own rules, beside which a city publishes those of its systems.

`docs/duties.md` shows the same matrix. System, security and audit administrators exclude each other (三员分立),
and each excludes the department administrator.
"""

from collections.abc import Collection, Mapping

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

_OF_DEPARTMENTS = "/console/departments/*"  # whose department a rule holds in, the role assignment says
_KEEPS_MACHINES = (Action.MACHINE_READ, Action.MACHINE_START, Action.MACHINE_STOP, Action.MACHINE_DELETE)
_GIVES_ROLES = (Action.PEOPLE_READ, Action.ROLE_ASSIGN, Action.ROLE_REVOKE)
_READS_ZONES = {"/console/zones": (Action.ZONE_READ,), "/console/zones/*": (Action.ZONE_READ,)}
_READS_BACKUPS = {f"/console/{path}": (Action.BACKUP_READ,) for path in ("backups", "backups/*", "drills", "drills/*")}

# role → object → the actions on it; what page and API of one act ask about is one object
_MAY: Mapping[str, Mapping[str, Collection[Action]]] = {
    PERSON: {
        "/console/": (Action.READ,),
        "/console/sessions": (Action.READ, Action.SESSION_END),
        "/console/sessions/*": (Action.SESSION_END,),
        "/console/requests": (Action.REQUEST_READ,),
        "/console/requests/*": (Action.REQUEST_READ,),
    },
    STAFF: {
        "/console/catalogue": (Action.READ,),
        "/console/catalogue/*": (Action.READ,),
        _OF_DEPARTMENTS: (Action.SHARE_ASK,),
    },
    # machines: a department asks for them and keeps them; the platform's administrators agree
    DEPARTMENT_ADMINISTRATOR: {
        _OF_DEPARTMENTS: (
            *_GIVES_ROLES,
            Action.RESOURCE_READ,
            Action.RESOURCE_PUBLISH,
            Action.RESOURCE_WITHDRAW,
            Action.SHARE_APPROVE,
            Action.SHARE_END,
            Action.APP_READ,
            Action.APP_CREATE,
            Action.APP_END,
            Action.APP_PAUSE,
            Action.APP_RESUME,
            Action.MACHINE_REQUEST,
            *_KEEPS_MACHINES,
        ),
    },
    SYSTEM_ADMINISTRATOR: {
        "/console/issuer": (Action.ISSUER_READ, Action.ISSUER_APPLY),
        **_READS_BACKUPS,
        "/console/backups": (Action.BACKUP_READ, Action.BACKUP_RUN),
        "/console/drills": (Action.BACKUP_READ, Action.BACKUP_DRILL),
        **_READS_ZONES,
        "/console/zones": (Action.ZONE_READ, Action.ZONE_APPLY),
        _OF_DEPARTMENTS: (Action.QUOTA_SET, Action.MACHINE_APPROVE, *_KEEPS_MACHINES),
    },
    # who makes and rotates keys uses none, and who uses them makes none
    SECURITY_ADMINISTRATOR: {
        _OF_DEPARTMENTS: (
            *_GIVES_ROLES,
            Action.KEY_READ,
            Action.KEY_CREATE,
            Action.KEY_ROTATE,
            Action.KEY_APPROVE,
            Action.KEY_SUITE,
            Action.APP_APPROVE,  # whoever paused an app had a reason: it speaks again when a guard agrees
        ),
        "/console/keys": (Action.KEY_READ,),
        "/console/systems": (Action.GRADE_READ,),
        "/console/systems/*": (
            Action.GRADE_READ,
            Action.GRADE_PROPOSE,
            Action.GRADE_APPROVE,
            Action.ASSESS_RUN,
            Action.ASSESS_ANSWER,
        ),
        **_READS_BACKUPS,
        **_READS_ZONES,
        "/console/zones/*": (Action.ZONE_READ, Action.FLOW_OPEN, Action.FLOW_APPROVE, Action.FLOW_CLOSE),
    },
    AUDIT_ADMINISTRATOR: {
        "/console/audit": (Action.AUDIT_READ,),
        "/console/audit/*": (Action.AUDIT_READ,),
        **_READS_BACKUPS,
    },
    KEY_USER: {
        _OF_DEPARTMENTS: (
            Action.KEY_ENCRYPT,
            Action.KEY_DECRYPT,
            Action.KEY_REWRAP,
            Action.KEY_SIGN,
            Action.KEY_VERIFY,
        ),
    },
    CLOCK: {"/console/jobs/*": (Action.JOB_RUN,)},
}

# every role that a person starts with also means: may sign in, see one's home, end one's sessions
INHERITS = tuple((role, PERSON) for role in (CITIZEN, STAFF))

RULES = tuple(
    Rule(
        id=f"office {role} {action} {object_.replace('*', '...')}",  # no id holds a wildcard
        subject=role,
        department="*",
        object=object_,
        action=action,
        effect=Effect.PERMIT,
    )
    for role, objects in _MAY.items()
    for object_, actions in objects.items()
    for action in actions
)


def clearance_for(role: str) -> Label:
    """The clearance that opens the role's desks, for whoever gives the role and states none."""
    return Label.L3 if role in _AT_LABEL_3 else Label.L2
