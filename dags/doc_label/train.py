"""Fits the chosen setting on all but the held-out documents, and the plain one that it has to keep up with."""
import argparse
import json

import bayes

args = argparse.ArgumentParser(description=__doc__)
args.add_argument("--database", required=True)
args.add_argument("--alpha", type=float, required=True)
args.add_argument("--prior", choices=["true", "false"], required=True)
args.add_argument("--out", required=True)
args.add_argument("--plain", required=True)
args = args.parse_args()

docs = bayes.documents(args.database, "train", "tune")
for path, model in ((args.out, bayes.fit(docs, args.alpha, args.prior == "true")), (args.plain, bayes.fit(docs, 1.0, True))):
    with open(path, "w") as out:
        json.dump(model, out)
print(f"{len(docs)} documents, alpha {args.alpha:g}")
