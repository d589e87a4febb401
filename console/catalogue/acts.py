"""Publishing and sharing, for pages and API alike: what is done under an act, and what its outcome record says of it.

`effective(epoch)` waits until every gateway decides by it.
"""

from collections.abc import Callable, Mapping

from authz.lease import Receipt
from catalogue.resource import Resource, Resources
from catalogue.share import Share, ShareRequest, Shares
from storage.act import Act

Effective = Callable[[int], Receipt]


def publish_resource(
    resources: Resources, act: Act, description: Mapping[str, str], *, system: str, path: str, effective: Effective
) -> tuple[Resource, Receipt]:
    """Publish what `path` of `system` gives, as the act's department's. Raises as `Resources.publish`."""
    resource, epoch = resources.publish(description, act, system=system, path=path)
    act.note({"resource": resource.resource, "system": system, "path": path, "label": resource.label})
    return resource, effective(epoch)


def renew_resource(resources: Resources, act: Act, identifier: str, description: Mapping[str, str]) -> Resource:
    """Publish the next version of a resource. Raises as `Resources.renew`."""
    resource = resources.renew(identifier, description, act)
    act.note({"resource": identifier, "version": resource.version})
    return resource


def withdraw_resource(
    resources: Resources, act: Act, identifier: str, *, effective: Effective
) -> tuple[Resource, Receipt]:
    """Take a resource out of the catalogue. Raises as `Resources.withdraw`."""
    resource, epoch = resources.withdraw(identifier, act)
    act.note({"resource": identifier})
    return resource, effective(epoch)


def give_share(
    shares: Shares, act: Act, wanted: ShareRequest, *, speaks_for: Callable[[str], bool], effective: Effective
) -> tuple[Share, Receipt]:
    """Let an app use a resource: what its owner approved at the door. Raises as `Shares.give`."""
    share, epoch = shares.give(wanted, act, speaks_for=speaks_for)
    act.note({"share": share.id, "resource": wanted.resource, "app": wanted.app, "purpose": wanted.purpose})
    act.note({"until": wanted.until.isoformat(timespec="seconds")})
    return share, effective(epoch)


def end_share_as_owner(
    shares: Shares, act: Act, identifier: str, *, resource: str, effective: Effective
) -> tuple[Share, Receipt]:
    """End a share of this resource. Raises as `Shares.end_as_owner`."""
    share, epoch = shares.end_as_owner(identifier, act, resource=resource)
    _note_end(act, share)
    return share, effective(epoch)


def end_share_as_user(
    shares: Shares, act: Act, identifier: str, *, app: str, effective: Effective
) -> tuple[Share, Receipt]:
    """Give back a share that this app uses. Raises as `Shares.end_as_user`."""
    share, epoch = shares.end_as_user(identifier, act, app=app)
    _note_end(act, share)
    return share, effective(epoch)


def _note_end(act: Act, share: Share) -> None:
    act.note({"share": share.id, "resource": share.resource, "app": share.app})
