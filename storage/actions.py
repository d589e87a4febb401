"""Every action of the product, once: what it is called in records and rules, what it means, who must agree.

Routes, offices, limits, the tables' `acts` and the pages refer to these. Portals name their own actions in their route
tables; `read` is theirs too.
"""

from enum import StrEnum
from typing import Self


class Action(StrEnum):
    """One action. Its value stands in records and rules for ever, so it is never changed.

    `zh` and `en` say what it means; the English one reads after "to". `approval` is the action that a second person
    must be permitted on the same object before this one is carried out, or "" where nobody else is needed (law 9).
    """

    zh: str
    en: str
    approval: str

    def __new__(cls, value: str, zh: str, en: str, approval: str = "") -> Self:
        """Make the member `value`; its words go with it."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.zh, member.en, member.approval = zh, en, approval
        return member

    READ = "read", "查看", "view"
    FOUND = "found", "初始化城市", "found the city"
    SIGN_IN = "sign-in", "登录", "sign in"
    SIGN_OUT = "sign-out", "退出登录", "sign out"
    SESSION_BEGIN = "session:begin", "登录", "sign in"
    SESSION_END = "session:end", "结束会话", "end a session"
    SIGN_ON_END = "sign-on:end", "按登录服务通知结束会话", "sign out for the sign-in service"
    ISSUER_READ = "issuer:read", "比对登录服务与配置计划", "compare the sign-in service with the plan"
    ISSUER_APPLY = "issuer:apply", "使登录服务符合配置计划", "bring the sign-in service to the plan"
    REQUEST_RESUME = "request:resume", "提交已保留的申请", "send a kept request"
    REQUEST_READ = "request:read", "查看待审批请求", "view requests"
    PEOPLE_READ = "people:read", "查看人员", "view people"
    ROLE_ASSIGN = "role:assign", "授予角色", "give a role"
    ROLE_REVOKE = "role:revoke", "收回角色", "take a role back"
    AUDIT_READ = "audit:read", "查阅记录", "view the records"
    RESOURCE_READ = "resource:read", "查看资源表单", "view the forms of a resource"
    RESOURCE_PUBLISH = "resource:publish", "公布信息资源", "publish a resource"
    RESOURCE_WITHDRAW = "resource:withdraw", "撤回信息资源", "withdraw a resource"
    APP_READ = "app:read", "查看部门应用", "view the department's apps"
    APP_CREATE = "app:create", "创建应用", "make an app"
    APP_END = "app:end", "终止应用", "end an app"
    APP_PAUSE = "app:pause", "暂停应用", "pause an app"
    APP_RESUME = "app:resume", "恢复应用", "resume an app", "app:approve"
    APP_APPROVE = "app:approve", "批准恢复应用", "approve that an app is resumed"
    SHARE_ASK = "share:ask", "使用信息资源", "use a resource", "share:approve"
    SHARE_APPROVE = "share:approve", "批准使用信息资源", "let others use a resource"
    SHARE_END = "share:end", "终止共享", "end a share"
    BACKUP_READ = "backup:read", "查看备份", "view backups"
    BACKUP_RUN = "backup:run", "执行备份", "make a backup"
    BACKUP_DRILL = "backup:drill", "演练恢复", "drill a restore"
    JOB_RUN = "job:run", "执行任务", "run a job"
    GRADE_READ = "grade:read", "查看系统与定级", "view systems and grades"
    GRADE_PROPOSE = "grade:propose", "拟定系统等级", "propose the grade of a system", "grade:approve"
    GRADE_APPROVE = "grade:approve", "复核系统等级", "approve the grade of a system"
    ASSESS_RUN = "assess:run", "对系统自查", "assess a system"
    ASSESS_ANSWER = "assess:answer", "对自查项作答", "answer for a control"
    ZONE_READ = "zone:read", "查看安全域与流量", "view zones and flows"
    ZONE_APPLY = "zone:apply", "使安全域之间的规则生效", "bring the rules between zones into force"
    FLOW_OPEN = "flow:open", "开通安全域之间的流量", "open a flow between zones", "flow:approve"
    FLOW_APPROVE = "flow:approve", "批准安全域之间的流量", "approve a flow between zones"
    FLOW_CLOSE = "flow:close", "关闭安全域之间的流量", "close a flow between zones"
    MACHINE_READ = "machine:read", "查看云主机", "view machines"
    MACHINE_REQUEST = "machine:request", "申请云主机", "ask for a machine", "machine:approve"
    MACHINE_APPROVE = "machine:approve", "批准云主机申请", "approve a machine"
    MACHINE_START = "machine:start", "启动云主机", "start a machine"
    MACHINE_STOP = "machine:stop", "停止云主机", "stop a machine"
    MACHINE_DELETE = "machine:delete", "删除云主机", "delete a machine"
    QUOTA_SET = "quota:set", "设定配额", "set a quota"
    KEY_READ = "key:read", "查看密钥", "view keys"
    KEY_CREATE = "key:create", "创建密钥", "make a key"
    KEY_ROTATE = "key:rotate", "轮换密钥", "rotate a key", "key:approve"
    KEY_APPROVE = "key:approve", "批准密钥轮换", "approve the rotation of a key"
    KEY_SUITE = "key:suite", "选择部门的密码算法", "choose the algorithms of a department"
    KEY_ENCRYPT = "key:encrypt", "使用密钥加密", "seal with a key"
    KEY_DECRYPT = "key:decrypt", "使用密钥解密", "open with a key"
    KEY_REWRAP = "key:rewrap", "用密钥的最新版本重新加密", "seal anew with a key's newest version"
    KEY_SIGN = "key:sign", "使用密钥签名", "sign with a key"
    KEY_VERIFY = "key:verify", "使用密钥验签", "check a signature with a key"


ACTIONS = {action.value: action for action in Action}
APPROVALS = tuple(sorted({action.approval for action in Action if action.approval}))  # what second persons do
