"""Reads an exported Parquet file with pandas and polars and holds both against the lossless lines.

usage: read_parquet.py PERSONAS.parquet CONSENSUS.jsonl
"""

import json
import sys

import pandas
import polars

rows = []
for line in open(sys.argv[2], encoding="utf-8"):
    persona = json.loads(line)
    for name, found in persona["traits"].items():
        rows.append((persona["persona_id"], name, found, persona))
rows.sort(key=lambda row: row[:2])

frame = pandas.read_parquet(sys.argv[1]).sort_values(["persona_id", "trait"]).reset_index(drop=True)
table = polars.read_parquet(sys.argv[1]).sort("persona_id", "trait")
assert len(frame) == len(table) == len(rows), (len(frame), len(table), len(rows))
assert table.schema["confidence"] == polars.Float64 and table.schema["support"] == polars.Int32, table.schema
assert table.schema["divergent"] == polars.Boolean and table.schema["models"] == polars.List(polars.String), table.schema
assert frame["confidence"].dtype == "float64" and frame["support"].dtype == "int32", frame.dtypes
assert table.schema["persona_confidence"] == polars.Float64 and table.schema["persona_support"] == polars.Int32, table.schema
for place, (persona, name, found, whole) in enumerate(rows):
    for one in (frame.iloc[place], table.row(place, named=True)):
        assert one["persona_id"] == persona and one["trait"] == name, (place, one)
        assert abs(one["confidence"] - found["confidence"]) < 1e-12 and one["support"] == found["support"], (place, one)
        assert bool(one["divergent"]) == found["divergent"], (place, one)
        assert abs(one["persona_confidence"] - whole["confidence"]) < 1e-12, (place, one)
        assert one["persona_confidence_status"] == whole["confidence_status"], (place, one)
        assert one["persona_support"] == whole["support"], (place, one)
        value = found["value"]
        if isinstance(value, list):
            assert list(one["items"]) == value, (place, one)
        else:
            assert one["items"] is None, (place, one)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            assert one["number"] == value, (place, one)
        else:
            assert one["number"] is None or one["number"] != one["number"], (place, one)
print(f"{len(rows)} rows, the same in pandas {pandas.__version__}, polars {polars.__version__} and consensus.jsonl")
