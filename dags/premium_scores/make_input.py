"""Makes the customers of one day: `id,age,claims,value`, the values standardised. A missing day makes no file."""
import argparse
import json
import os
import random

args = argparse.ArgumentParser(description=__doc__)
args.add_argument("--date", required=True)
args.add_argument("--customers", type=int, default=50000)
args.add_argument("--shift", type=float, default=0, help="moves everybody's values, as a drifting world does")
args.add_argument("--missing", type=json.loads, default=[], help="a JSON list of dates that deliver nothing")
args.add_argument("--out", required=True)
args = args.parse_args()

if args.date in args.missing:
    print(f"the source delivers nothing for {args.date}")
else:
    rng = random.Random(args.date)
    os.makedirs(os.path.dirname(os.path.abspath(args.out)), exist_ok=True)
    with open(args.out + ".new", "w") as out:
        out.write("id,age,claims,value\n")
        for number in range(args.customers):
            age, claims = rng.randint(18, 90), min(9, int(rng.expovariate(1.4)))
            out.write(f"{number},{age},{claims},{rng.gauss(args.shift, 1):.6f}\n")
    os.replace(args.out + ".new", args.out)
    print(f"{args.customers} customers for {args.date}")
