"""Apps, for pages and API alike: how one is made, and every change of one that is there."""

from collections.abc import Callable
from dataclasses import dataclass

from authz.lease import Receipt
from idp.apps import App, Apps
from storage.act import Act
from storage.actions import Action


@dataclass(frozen=True, slots=True, kw_only=True)
class AppChange:
    """One change of an app: its paths, pages and API are made of this.

    A page sends it by POST to `…/apps/{app}/{verb}`, and then says what was done by the code `receipt`. The API has
    the same path; a change with `api_method="DELETE"` is the DELETE of the app itself.
    """

    verb: str
    action: Action
    carry_out: Callable[[Apps, str, Act], tuple[App, int]]
    receipt: str
    api_method: str = "POST"

    @property
    def api_path(self) -> str:
        """What follows the app's id in the path of the API."""
        return "" if self.api_method == "DELETE" else f"/{self.verb}"


APP_CHANGES = {
    change.verb: change
    for change in (
        AppChange(verb="end", action=Action.APP_END, carry_out=Apps.end, receipt="app-ended", api_method="DELETE"),
        AppChange(verb="pause", action=Action.APP_PAUSE, carry_out=Apps.pause, receipt="app-paused"),
        AppChange(verb="resume", action=Action.APP_RESUME, carry_out=Apps.resume, receipt="app-resumed"),
    )
}


def create_app(apps: Apps, act: Act, name: str) -> tuple[App, str]:
    """Make an app of the act's department; return it and its secret. Raises as `Apps.create`."""
    app, secret = apps.create(name, act)
    act.note({"app": app.id})
    return app, secret


def change_app(
    apps: Apps, act: Act, change: AppChange, identifier: str, *, effective: Callable[[int], Receipt]
) -> tuple[App, Receipt]:
    """Carry out one change of an app of the act's department, and wait until every gateway knows it.

    Returns the app as it was. Raises as `change.carry_out`.
    """
    app, epoch = change.carry_out(apps, identifier, act)
    act.note({"app": identifier})
    return app, effective(epoch)
