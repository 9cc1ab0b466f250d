"""Takes the penalty with the smallest error and fits it anew on everything before the holdout."""
import argparse
import json
import os

import demand

args = demand.arguments(argparse.ArgumentParser(description=__doc__))
args.add_argument("--out", required=True)
args = args.parse_args()

# The outputs of a matrix arrive as a list in the order of the matrix.
lambdas = json.loads(os.environ["ROTA_PARAM_LAMBDAS"])
errors = json.loads(os.environ["ROTA_IN_TRAIN_VAL_RMSE"])
best = min(zip(errors, lambdas))[1]

counts = demand.Counts(args.hourly, args.end, args.days, args.zones)
end = counts.hours - args.holdout * 24
demand.save(args.out, {"lambda": best, "weights": [demand.ridge(counts, z, 0, end, best) for z in range(args.zones)]})
demand.append("ROTA_OUTPUT", f"best_lambda={best}")
demand.append("ROTA_SUMMARY", "| lambda | rmse |\n| ---: | ---: |\n"
              + "\n".join(f"| {'**%g**' % p if p == best else '%g' % p} | {e:.4f} |" for p, e in zip(lambdas, errors)))
print(f"best lambda {best:g} of {lambdas}")
