"""Writes the same table by pandas and by polars, as each does by default and polars with other codecs, and
as lines of JSON. tests/fixtures/parquet holds what it wrote.

usage: write_parquet.py FOLDER
"""

import datetime
import decimal
import json
import pathlib
import sys

import pandas
import polars

folder = pathlib.Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
utc = datetime.timezone.utc
rows = [
    {
        "id": "p1",
        "text": "I get up at five, and “nobody” asks: Zoë",
        "age": 34,
        "height": 1.72,
        "member": True,
        "joined": datetime.date(2024, 2, 29),
        "seen": datetime.datetime(2024, 5, 15, 11, 30, 45, 120),
        "called": datetime.datetime(1969, 12, 31, 23, 59, 59, tzinfo=utc),
        "paid": decimal.Decimal("12.30"),
        "tags": ["nurse", "nights"],
        "home": {"city": "Oslo", "floor": 3},
    },
    {"id": "p2", "text": "line one\nline two", "tags": [], "home": {"city": None, "floor": -1}},
    {
        "id": "p3",
        "text": "",
        "age": -5,
        "height": 1e-7,
        "member": False,
        "joined": datetime.date(1899, 12, 31),
        "seen": datetime.datetime(2000, 1, 1),
        "called": datetime.datetime(2038, 1, 19, 3, 14, 8, tzinfo=utc),
        "paid": decimal.Decimal("-0.05"),
        "tags": ["a", None],
        "home": None,
    },
]
names = list(rows[0])
table = polars.DataFrame(
    {name: [row.get(name) for row in rows] for name in names},
    schema_overrides={
        "age": polars.Int32,
        "seen": polars.Datetime("us"),
        "called": polars.Datetime("us", "UTC"),
        "paid": polars.Decimal(10, 2),
    },
)
table.write_parquet(folder / "polars.parquet")
for codec in ["gzip", "lz4", "brotli"]:
    table.write_parquet(folder / f"polars_{codec}.parquet", compression=codec)
frame = pandas.DataFrame([{name: row.get(name) for name in names} for row in rows], columns=names)
frame["age"] = frame["age"].astype("Int32")
frame["member"] = frame["member"].astype("boolean")
frame["seen"] = pandas.to_datetime(frame["seen"]).astype("datetime64[ns]")
frame["called"] = pandas.to_datetime(frame["called"], utc=True)
frame.to_parquet(folder / "pandas.parquet")


def told(value):
    if isinstance(value, datetime.datetime):
        text = value.replace(tzinfo=None).isoformat()
        text = text.rstrip("0") if "." in text else text
        return text + ("Z" if value.tzinfo else "")
    return str(value) if isinstance(value, (datetime.date, decimal.Decimal)) else value


with open(folder / "table.jsonl", "w", encoding="utf-8") as lines:
    for row in rows:
        record = {name: told(row.get(name)) for name in names}
        lines.write(json.dumps(record, ensure_ascii=False) + "\n")
