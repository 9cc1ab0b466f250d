"""Puts the scores of a day into the table, in one transaction that takes out the day's old ones first: a repeat changes
nothing."""
import argparse
import csv
import hashlib
import os
import sqlite3

args = argparse.ArgumentParser(description=__doc__)
args.add_argument("--date", required=True)
args.add_argument("--scores", required=True)
args.add_argument("--database", required=True)
args = args.parse_args()

os.makedirs(os.path.dirname(os.path.abspath(args.database)), exist_ok=True)
with open(args.scores, newline="") as text:
    rows = [(args.date, int(number), float(score)) for number, score in csv.reader(text)]
with sqlite3.connect(args.database) as db:
    db.execute("CREATE TABLE IF NOT EXISTS score (date TEXT, id INT, score REAL, PRIMARY KEY (date, id)) WITHOUT ROWID")
    db.execute("DELETE FROM score WHERE date = ?", (args.date,))
    db.executemany("INSERT INTO score VALUES (?, ?, ?)", rows)
digest = hashlib.sha256()
for row in db.execute("SELECT id, score FROM score WHERE date = ? ORDER BY id", (args.date,)):
    digest.update(repr(row).encode())
with open(os.environ.get("ROTA_OUTPUT", os.devnull), "a") as outputs:
    outputs.write(f"rows={len(rows)}\ntable_hash={digest.hexdigest()[:16]}\n")
print(f"{len(rows)} rows for {args.date}, table {digest.hexdigest()[:16]}")
