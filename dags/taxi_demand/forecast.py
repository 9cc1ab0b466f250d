"""Forecasts the 24 hours of the day `--end` with the model in use, into a table. A repeat replaces its rows."""
import argparse
import os
import sqlite3
import sys

import demand

args = demand.arguments(argparse.ArgumentParser(description=__doc__))
args.add_argument("--model", required=True)
args.add_argument("--database", required=True)
args = args.parse_args()

if not os.path.exists(args.model):
    print("no model is in use yet: nothing to forecast")
    sys.exit(99)  # 99 ends a task as skipped
counts = demand.Counts(args.hourly, args.end, args.days, args.zones)
weights = demand.load(args.model)["weights"]
rows = [(str(args.end), z, h, round(demand.predict(weights[z], counts.features(z, counts.hours + h)), 3))
        for z in range(args.zones) for h in range(24)]
os.makedirs(os.path.dirname(os.path.abspath(args.database)), exist_ok=True)
with sqlite3.connect(args.database) as db:
    db.execute("CREATE TABLE IF NOT EXISTS forecast (date TEXT, zone INT, hour INT, trips REAL, PRIMARY KEY (date, zone, hour))")
    db.executemany("INSERT OR REPLACE INTO forecast VALUES (?, ?, ?, ?)", rows)
demand.append("ROTA_OUTPUT", f"rows={len(rows)}")
print(f"{len(rows)} rows for {args.end}")
