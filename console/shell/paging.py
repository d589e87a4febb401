"""Pages of lists: how a program asks for the next one."""

from marshmallow import Schema, fields, validate


class PageQuery(Schema):
    """One page of a list, after the row that `cursor` names; from the beginning if it is not given."""

    cursor = fields.String(load_default="", validate=validate.Regexp(r"(?a:[0-9A-Z]{0,26})\Z"))
