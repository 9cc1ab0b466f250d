"""Labels the held-out documents: the model's word, unless a rule for the rare label knows better."""
import argparse
import json

import bayes

RARE = "warrant"
RARE_WORDS = {f"w{n:03}" for n in range(180, 200)}  # no other label prefers these

args = argparse.ArgumentParser(description=__doc__)
args.add_argument("--database", required=True)
args.add_argument("--model", required=True)
args.add_argument("--no-rules", action="store_true")
args.add_argument("--out", required=True)
args = args.parse_args()

with open(args.model) as text:
    model = json.load(text)
overruled = 0
with open(args.out, "w") as out:
    for label, counts in bayes.documents(args.database, "held"):
        says = bayes.predict(model, counts)
        if not args.no_rules and says != RARE and sum(n for w, n in counts.items() if w in RARE_WORDS) >= 4:
            says, overruled = RARE, overruled + 1
        out.write(f"{label},{says}\n")
print(f"{overruled} documents labelled by rule")
