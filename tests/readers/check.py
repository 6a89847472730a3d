"""Checks an offline table with two programs that are not ours: deltalake's DataFusion engine, and Polars for Python.

    check.py read TABLE EXPECTED --time COLUMN --size SECONDS --key COLUMN
    check.py append TABLE ROWS --time COLUMN --size SECONDS
    check.py delete TABLE PREDICATE

`read` compares the rows of the table with those of the Parquet file EXPECTED, all of them and those of a time and a key,
which both readers find by the statistics in the log. It prints what it compared, and ends with code 1 at a difference.
"""

import argparse
import sys
from datetime import timezone

import polars as pl
from deltalake import DeltaTable, QueryBuilder, write_deltalake

PARTITION = "time_partition"


def rows_of(frame, columns):
    """The rows in an order of their own, times in microseconds."""
    utc = pl.Datetime("us", "UTC")
    times = [pl.col(name).cast(utc) for name, kind in frame.schema.items() if isinstance(kind, pl.Datetime)]
    return sorted(map(repr, frame.with_columns(times).select(columns).rows()))


def with_partition(frame, time, size):
    """The frame with the partition that each row belongs to, computed anew."""
    at = pl.col(time)
    seconds = at // 1_000_000_000 if frame.schema[time] == pl.Int64 else at.dt.epoch("us") // 1_000_000
    start = pl.from_epoch((seconds // size) * size, time_unit="s")
    pattern = "%Y-%m-%d" if size % 86_400 == 0 else "%Y-%m-%d-%H:%M:%S"
    return frame.with_columns(start.dt.strftime(pattern).alias(PARTITION))


def sql(table, query):
    builder = QueryBuilder().register("t", table)
    found = pl.from_arrow(builder.execute(query).read_all())
    # A table of another library comes as one column of structs.
    return found.struct.unnest() if isinstance(found, pl.Series) else found


def read(args):
    table = DeltaTable(args.table)
    expected = with_partition(pl.read_parquet(args.what), args.time, args.size)
    columns = sorted(expected.columns)
    named = ", ".join(f'"{name}"' for name in columns)
    middle = expected[args.time].sort()[len(expected) // 2] if len(expected) else 0
    literal = middle if isinstance(middle, int) else f"timestamp '{middle.astimezone(timezone.utc).isoformat()}'"
    key = expected[args.key].drop_nulls().first()
    quoted = "'" + key.replace("'", "''") + "'" if isinstance(key, str) else key
    conditions = {
        "all rows": (pl.lit(True), "true"),
        f"rows since {middle}": (pl.col(args.time) >= middle, f'"{args.time}" >= {literal}'),
        f"rows of {args.key} {key}": (pl.col(args.key) == key, f'"{args.key}" = {quoted}' if key is not None else "false"),
    }
    for name, (condition, where) in conditions.items():
        wanted = rows_of(expected.filter(condition), columns)
        readers = {
            "deltalake": sql(table, f"select {named} from t where {where}"),
            "polars": pl.scan_delta(args.table).filter(condition).select(columns).collect(),
        }
        for reader, found in readers.items():
            found = rows_of(found, columns)
            if found != wanted:
                differ = sorted(set(found) ^ set(wanted))[:3]
                sys.exit(f"{reader} reads {len(found)} {name}, expected {len(wanted)}; such as {differ}")
            print(f"{reader}: version {table.version()}, {len(found)} {name}")
    last = table.history(1)[0]
    print(f"history: {last['operation']} by {last.get('userMetadata', 'nobody')}")


def append(args):
    rows = with_partition(pl.read_parquet(args.what), args.time, args.size)
    write_deltalake(args.table, rows, mode="append")
    print(f"deltalake: {len(rows)} rows appended")


def delete(args):
    print(f"deltalake: {DeltaTable(args.table).delete(args.what)['num_deleted_rows']} rows deleted")


parser = argparse.ArgumentParser()
parser.add_argument("action", choices=["read", "append", "delete"])
parser.add_argument("table")
parser.add_argument("what")
parser.add_argument("--time")
parser.add_argument("--size", type=int)
parser.add_argument("--key")
arguments = parser.parse_args()
{"read": read, "append": append, "delete": delete}[arguments.action](arguments)
