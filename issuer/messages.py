"""What the sign-in pages say when something went wrong, in the reader's language."""

from datetime import datetime, tzinfo

from issuer.errors import SignInError, TooManyAttempts

_TEXTS = {
    "sign-in-refused": ("账号或口令不正确。", "The account or the password is wrong."),
    "code-refused": ("动态码不正确或已使用。", "The code is wrong or was already used."),
    "too-many-attempts": (
        "尝试次数过多，请在 {time} 之后再试。",
        "Too many attempts. Try again after {time}.",
    ),
    "issuer-busy": ("登录人数较多，请稍候再试。", "Many people are signing in. Try again in a moment."),
    "page-expired-title": ("页面已过期", "This page has expired"),
    "page-expired": (
        "此登录页面已过期或来自其他浏览器，请重新开始，之后仍会前往您要去的页面。",
        "This sign-in page is too old or came from another browser. Start again to get where you were going.",
    ),
    "request-refused-title": ("无法登录", "You cannot sign in from here"),
    "request-refused": (
        "登录请求不完整或不受信任，请从门户重新进入。",
        "The sign-in request is incomplete or not trusted. Go back to the portal and try again.",
    ),
    "signed-out-title": ("已退出登录", "You are signed out"),
    "signed-out": ("您已退出登录，可以关闭此页面。", "You are signed out and may close this page."),
    "nobody-signed-out-title": ("未退出登录", "You are not signed out"),
    "nobody-signed-out": (
        "无法核实退出请求，请在门户页面中选择退出。",
        "The request to sign out could not be verified. Sign out from the portal.",
    ),
}


def text(code: str, language: str, **values: str) -> str:
    """The text of `code` in English for "en", else in Chinese."""
    chinese, english = _TEXTS[code]
    return (english if language == "en" else chinese).format(**values)


def explain(failure: SignInError, language: str, *, zone: tzinfo, now: datetime, code: str = "") -> str:
    """What to tell the person; `code` speaks instead of a plain refusal's own. Times are of `zone`."""
    if isinstance(failure, TooManyAttempts):
        minutes = (failure.until - now).total_seconds() // 60 + 1
        when = f"{failure.until.astimezone(zone):%H:%M:%S}"
        about = f"（约 {minutes:.0f} 分钟）" if language != "en" else f" (in about {minutes:.0f} min)"
        return text(failure.code, language, time=when + about)
    return text(code if code and failure.code == "sign-in-refused" else failure.code, language)
