"""The digest of a row: one form on both databases, another for any other row, none for what may change by itself."""

import re
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit.event import Event, EventKind, decode, encode
from storage import witness
from storage.database import Database, Moment

TABLES = sa.MetaData()
THING = sa.Table(
    "thing",
    TABLES,
    sa.Column("id", sa.String(63), primary_key=True),
    sa.Column("text", sa.Text),
    sa.Column("number", sa.BigInteger),
    sa.Column("flag", sa.Boolean),
    sa.Column("at", Moment),
    sa.Column("data", sa.LargeBinary),
    sa.Column("seen_at", Moment),
    sa.Column("record", sa.String(26)),
    sa.Column("end_record", sa.String(26)),
    info={"records": ("end_record", "record"), "volatile": ("seen_at",)},
)
AT = datetime(2026, 5, 1, 8, 0, 0, 123456, tzinfo=timezone(timedelta(hours=8)))
ROW = {
    "id": "a", "text": "卢\n\x7f", "number": -(2**62), "flag": True, "at": AT, "data": b"\0\xff", "seen_at": AT,
    "record": "01J", "end_record": None,
}  # fmt: skip


def put(url: str, row: dict[str, object]) -> tuple[str, str]:
    database = Database(url)
    with database.transaction() as connection:
        TABLES.create_all(connection)
        connection.execute(sa.delete(THING))
        connection.execute(sa.insert(THING).values(row))
        told = witness.describe_row(connection, THING, row["id"])
    database.close()
    return told


def test_it_is_the_same_on_both_databases_to_the_character(database_url: str) -> None:
    assert put(database_url, ROW) == ("thing a", "ec0c41dd24d9de6a58913af20c8b6d88")
    same = {**ROW, "at": AT.astimezone(UTC), "seen_at": None}
    assert put(database_url, same) == put(database_url, ROW)


_values = st.fixed_dictionaries(
    {
        "text": st.none() | st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=5),
        "number": st.none() | st.integers(-(2**63), 2**63 - 1),
        "flag": st.none() | st.booleans(),
        "at": st.none() | st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
        "data": st.none() | st.binary(max_size=4),
        "record": st.sampled_from(["01J", "01K"]),
        "end_record": st.none() | st.just("01L"),
    }
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_values, _values)
def test_two_rows_have_one_digest_only_if_they_are_equal(tmp_path: Path, one: dict, other: dict) -> None:
    url = f"sqlite:///{tmp_path / 'w.db'}"
    told = [put(url, {"id": "a", "seen_at": None, **row})[1] for row in (one, other)]
    assert (told[0] == told[1]) == (one == other)


@pytest.mark.parametrize("identifier", ["a", "x" * 63, "Ω" * 63, "a b", "a\nb", "token=1"])
def test_a_name_and_its_digest_survive_the_record_whatever_the_id(tmp_path: Path, identifier: str) -> None:
    key, digest = put(f"sqlite:///{tmp_path / 'w.db'}", {**ROW, "id": identifier})
    assert re.fullmatch(r"thing .+", key, re.DOTALL)
    event = Event(id="01J", kind=EventKind.OUTCOME, at=AT, subject="user:li", result="ok", detail={key: digest})
    assert decode(encode(event)).detail == {key: digest}
    assert witness.is_witness(key, digest)


def test_no_other_detail_looks_like_a_witness() -> None:
    for key, value in (
        ("session", "0" * 32),
        ("request", "01J"),
        ("thing a", "0" * 31),
        ("thing a", 7),
        ("thing", "deleted"),
    ):
        assert not witness.is_witness(key, value)
    assert witness.is_witness(*witness.describe_deleted(THING, "a"))


def test_a_column_with_two_spellings_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        witness._plain(0.1)


def test_every_table_that_names_records_says_columns_it_has() -> None:
    for table in witness.tables():
        named = (*table.info["records"], *table.info.get("volatile", ()), *table.info.get("only", {}))
        assert set(named) <= set(table.columns.keys())
        assert len(table.primary_key) == 1


def digests(path: Path, *more: sa.Column, rows: list[dict[str, object]]) -> list[str]:
    """Of each row in a table that has these columns too, and says of them that they came later."""
    tables, database = sa.MetaData(), Database(f"sqlite:///{path}")
    info = {"records": ("record",), "later": tuple(column.name for column in more)}
    columns = (sa.Column("id", sa.String(63), primary_key=True), sa.Column("record", sa.String(26)), *more)
    table = sa.Table("thing", tables, *columns, info=info)
    with database.transaction() as connection:
        tables.create_all(connection)
        connection.execute(sa.insert(table), rows)
        found = [witness.describe_row(connection, table, row["id"])[1] for row in rows]
    database.close()
    return found


def test_a_column_that_came_later_changes_no_digest_until_it_says_something(tmp_path: Path) -> None:
    (before,) = digests(tmp_path / "before.db", rows=[{"id": "a", "record": "01J"}])
    later = sa.Column("paused_by", sa.String(40))
    rows = [{"id": "a", "record": "01J", "paused_by": None}, {"id": "b", "record": "01J", "paused_by": "user:x"}]
    empty, filled = digests(tmp_path / "after.db", later, rows=rows)
    (other,) = digests(tmp_path / "other.db", rows=[{"id": "b", "record": "01J"}])
    assert empty == before
    assert filled != other, "what is said in it is witnessed"
