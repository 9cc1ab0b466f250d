"""Counts the words of each document into a table of sparse rows. A repeat makes the tables anew."""
import argparse
import collections
import json
import sqlite3
import time

args = argparse.ArgumentParser(description=__doc__)
args.add_argument("--docs", required=True)
args.add_argument("--slow", type=float, default=0, help="seconds to take longer")
args.add_argument("--database", required=True)
args = args.parse_args()

with sqlite3.connect(args.database) as db:
    db.execute("DROP TABLE IF EXISTS doc")
    db.execute("CREATE TABLE doc (id INT PRIMARY KEY, label TEXT, part TEXT, counts TEXT)")
    with open(args.docs) as docs:
        for line in docs:
            number, label, text = line.rstrip("\n").split("\t")
            part = ("train", "train", "train", "tune", "held")[int(number) % 5]
            db.execute("INSERT INTO doc VALUES (?, ?, ?, ?)",
                       (int(number), label, part, json.dumps(collections.Counter(text.split()))))
    time.sleep(args.slow)
    print(dict(db.execute("SELECT part, count(*) FROM doc GROUP BY part")))
