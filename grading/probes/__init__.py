"""What measures: each probe reads facts and returns a finding; the table of controls names them."""

from collections.abc import Mapping

from grading.evidence import Probe
from grading.probes import objects, people, records, zones

PROBES: Mapping[str, Probe] = {
    probe.__name__: probe
    for probe in (
        people.second_factor,
        people.issuer_as_wanted,
        people.remote_administration,
        people.accounts_in_use,
        people.offices_separated,
        objects.default_deny,
        objects.objects_labelled,
        objects.secrets_sealed,
        objects.keys_protected,
        objects.shares_bounded,
        records.acts_recorded,
        records.log_intact,
        records.log_goes_on,
        records.restore_drilled,
        zones.border_as_compiled,
        zones.machines_in_zones,
    )
}
