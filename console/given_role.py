"""A role given or taken back by the desk or the API: whose business it may be, and what its record says."""

from collections.abc import Mapping
from datetime import datetime

from authz.administer import Administration, Held
from authz.label import Label
from gateway.local import Exchange, exchange
from idp.directory import Department, Directory, Person, subtree
from idp.errors import PersonUnknown
