"""Fits one ridge penalty on all zones and measures it on the week before the holdout.

Each finished zone is a file in $ROTA_STATE: a second attempt goes on where the first one was killed.
"""
import argparse
import os
import time

import demand

args = demand.arguments(argparse.ArgumentParser(description=__doc__))
args.add_argument("--lambda", dest="penalty", type=float, required=True)
args.add_argument("--slow", type=float, default=0, help="seconds to take longer")
args.add_argument("--out", required=True)
args = args.parse_args()

counts = demand.Counts(args.hourly, args.end, args.days, args.zones)
test_end = counts.hours - args.holdout * 24
test_start = test_end - 168
state = os.environ.get("ROTA_STATE")
error, weights, resumed = 0.0, [], 0
for zone in range(args.zones):
    kept = os.path.join(state, f"zone_{zone}.json") if state else None
    if kept and os.path.exists(kept):
        done = demand.load(kept)
        resumed += 1
    else:
        fit = demand.ridge(counts, zone, 0, test_start, args.penalty)
        done = {"weights": fit, "error": demand.squared_error(counts, zone, fit, test_start, test_end)}
        time.sleep(args.slow / args.zones)
        if kept:
            demand.save(kept, done)
    weights.append(done["weights"])
    error += done["error"]
    demand.append("ROTA_PROGRESS", f"{(zone + 1) / args.zones:.2f} zone {zone + 1}/{args.zones}")

rmse = (error / (args.zones * (test_end - test_start))) ** 0.5
demand.save(args.out, {"lambda": args.penalty, "weights": weights})
demand.append("ROTA_OUTPUT", f"val_rmse={rmse:.4f}")
print(f"lambda {args.penalty:g}: val_rmse {rmse:.4f}, {resumed} of {args.zones} zones from an earlier attempt")
