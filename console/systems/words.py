"""What is said of systems, their grades and their assessments."""

from collections.abc import Mapping

NAMES: Mapping[str, str] = {
    "grade-set": "Graded",
    "control-answered": "Answered",
}

FIELDS: Mapping[str, str] = {
    "systems": "System",
    "s_harmed": "If its information is spoilt: whose interest is harmed?",
    "s_harm": "And how badly?",
    "a_harmed": "If its service fails: whose interest is harmed?",
    "a_harm": "And how badly, then?",
    "basis": "Why these answers",
}
"""Nouns of an address and fields of a form, as a request tells them."""

GRADING: Mapping[str, str] = {
    "citizens": "Citizens, legal persons and other organizations: their rights",
    "society": "Social order and public interest",
    "state": "National security",
    "general": "General harm",
    "serious": "Serious harm",
    "grave": "Especially serious harm",
    "met": "Met",
    "partly": "Partly met",
    "unmet": "Not met",
    "not-applicable": "Not applicable",
    "not-assessed": "Not assessed",
    "automatic": "automatic",
    "human": "by a person",
    "physical": "Physical environment",
    "network": "Communication network",
    "border": "Zone borders",
    "computing": "Computing environment",
    "centre": "Security management centre",
    "management": "Management rules",
    "organization": "Organization",
    "people": "People",
    "building": "Building",
    "operation": "Operation",
}

DOCUMENT = (
    "Self-assessment of %(name)s", "System", "Owner", "Grade", "Grade %(grade)s (%(code)s)", "Number", "Time", "Run by",
    "Clause", "Requirement", "Status", "Evidence", "Record", "Self-assessment, not the conclusion of a testing body",
)  # fmt: skip
"""What only the document says; the pages share most of it."""

MARKS: Mapping[str, str] = {"met": "●", "partly": "◐", "unmet": "○", "not-applicable": "—", "not-assessed": "?"}

EVIDENCE: Mapping[str, str] = {
    "desks-without-second-factor": "Desks that a password alone opens: %(paths)s",
    "administrators-without-second-factor": "Administrators without a second factor: %(count)s (%(who)s)",
    "administrators-with-second-factor": "All %(count)s administrators have a second factor at the issuer",
    "issuer-without-settings": "The local issuer has no settings that could be compared",
    "issuer-drift": "The issuer differs from what the city wants in %(count)s settings: %(what)s",
    "issuer-as-wanted": "The issuer is set as the city wants it",
    "desks-by-tls": "The desks are reached by TLS: %(origin)s",
    "desks-on-loopback": "The desks are reached without TLS, from this machine only: %(origin)s",
    "desks-without-tls": "The desks are reached without TLS: %(origin)s",
    "offices-unused": "Offices that nobody used for %(days)s days: %(count)s (%(who)s)",
    "offices-in-use": "All %(count)s holders of offices signed in, or were given theirs, within %(days)s days",
    "offices-together": "People who hold two offices that exclude each other: %(count)s (%(who)s)",
    "offices-empty": "Offices that nobody holds: %(offices)s",
    "office-filled": "%(office)s: held by %(count)s",
    "permitted-without-right": "The decision point permits %(count)s requests without a right: %(what)s",
    "no-routes": "The system has no routes that are not public",
    "denied-without-right": "The decision point denied all %(count)s requests without a right",
    "label-not-grade": "The default label is %(label)s, but the grade is %(grade)s",
    "writes-below-grade": "Writes labelled below %(label)s: %(paths)s",
    "objects-labelled": "The default label is %(label)s, as the grade has it; %(count)s routes",
    "plain-secret": "A secret is stored unsealed: table %(table)s, row %(row)s",
    "no-secrets": "Nothing is stored that would have to be sealed",
    "secrets-sealed": "All %(count)s stored secrets that were looked at are sealed",
    "key-files-open": "Key files that others can read, or that are no files: %(names)s",
    "key-files-closed": "All %(count)s key files are closed to others",
    "shares-unbounded": "Shares without a purpose or a date: %(count)s (%(ids)s)",
    "shares-bounded": "All %(count)s shares have a purpose and a date",
    "rows-contradict": "Rows that contradict their records: %(count)s (%(what)s)",
    "rows-agree": "Every row that grants, keys, places or opens is as its record says",
    "log-intact": "The log of %(records)s records is intact; root %(root)s",
    "log-tampered": "The log does not fit together in %(count)s places, first: %(first)s",
    "log-unreadable": "The log cannot be read: %(what)s",
    "log-stands-still": "The record of this assessment did not reach the log within %(seconds)s s",
    "log-goes-on": "The record of this assessment reached the log within %(seconds)s s",
    "never-drilled": "No restore was ever drilled",
    "drill-failed": "The last restore drill failed (%(at)s)",
    "drill-too-old": "The last restore drill is older than %(days)s days (%(at)s)",
    "drill-passed": "The last restore drill passed (%(at)s, valid for %(days)s days)",
    "no-zones": "There are no zones",
    "border-drift": "The live rules differ from the approved ones in %(count)s places: %(what)s",
    "flows-unbounded": "Flows without an owner or an end: %(count)s (%(what)s)",
    "border-as-compiled": "The live rules are the approved ones; everything else is denied",
    "no-machines": "The system has no machines",
    "machines-too-low": "Machines in zones below the label: %(count)s (%(which)s)",
    "machines-in-zones": "All %(count)s machines are in zones that may hold the label",
    "from-grade": "Asked from grade %(grade)s on",
    "asks-a-person": "A person must answer this; nobody has yet",
    "answered": "%(reason)s – answered by %(who)s on %(at)s, counts until %(until)s",
    "answer-over": "The answer of %(who)s, of %(at)s, counted until %(until)s",
    "answers-contradict-records": "What people answered is not what their records say: compare rows and records",
    "probe-failed": "This could not be found out: %(why)s",
}
