"""What can be refused when data is published and shared; what is not yours to see is unknown to you.

CatalogueError
├── ResourceUnknown   no such resource, withdrawn, or of another department
├── ShareUnknown      no such share, over, or not yours to end
├── AlreadyShared     the app may use it already, for at least as long
└── NotServed         no route of this department serves that path for reading

An app that is unknown, and as many as may be at once, are errors of idp.
"""


class CatalogueError(Exception):
    """Base of everything this package raises."""

    code = "catalogue"


class ResourceUnknown(CatalogueError):
    """Nothing is published under this id by that department."""

    code = "resource-unknown"


class ShareUnknown(CatalogueError):
    """There is no such share, or it is over."""

    code = "share-unknown"


class AlreadyShared(CatalogueError):
    """Another share would give nothing."""

    code = "already-shared"


class NotServed(CatalogueError):
    """What is published must be what a route of the department serves for reading."""

    code = "not-served"
