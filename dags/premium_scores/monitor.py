"""Row count, mean and 95th percentile of the published scores of a day."""
import argparse
import os
import sqlite3

args = argparse.ArgumentParser(description=__doc__)
args.add_argument("--date", required=True)
args.add_argument("--database", required=True)
args = args.parse_args()

with sqlite3.connect(args.database) as db:
    scores = [s for s, in db.execute("SELECT score FROM score WHERE date = ? ORDER BY score", (args.date,))]
mean, p95 = sum(scores) / len(scores), scores[int(0.95 * len(scores))]
with open(os.environ.get("ROTA_OUTPUT", os.devnull), "a") as outputs:
    outputs.write(f"rows={len(scores)}\nmean={mean:.4f}\np95={p95:.4f}\n")
print(f"{len(scores)} rows, mean {mean:.4f}, p95 {p95:.4f}")
