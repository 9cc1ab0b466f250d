"""Makes labelled documents: rows of `id,label,text`, each text some words out of 600, the rarest label one in 200."""
import argparse
import os
import random
import time

LABELS = {"invoice": 26, "claim": 20, "offer": 15, "contract": 12, "letter": 10, "report": 8, "memo": 6,
          "receipt": 2.5, "warrant": 0.5}

args = argparse.ArgumentParser(description=__doc__)
args.add_argument("--docs", type=int, default=20000)
args.add_argument("--seed", type=int, default=11)
args.add_argument("--slow", type=float, default=0, help="seconds to take longer")
args.add_argument("--out", required=True)
args = args.parse_args()

rng = random.Random(args.seed)
words = [f"w{n:03}" for n in range(600)]
# Every label uses all words; it prefers 40 of its own, and shares half of these with the label before it. The rare one
# looks like the most common one but for a weaker liking for 20 words more.
likings = {}
for place, label in enumerate(LABELS):
    weights = [1.0 + rng.random() for _ in words]
    if label == "warrant":
        weights = [w + (2.0 if 180 <= n < 200 else 0) for n, w in enumerate(likings["invoice"])]
    else:
        for n in range(place * 20, place * 20 + 40):
            weights[n] += 7.5
    likings[label] = weights
names = rng.choices(list(LABELS), list(LABELS.values()), k=args.docs)
os.makedirs(os.path.dirname(os.path.abspath(args.out)), exist_ok=True)
with open(args.out, "w") as out:
    out.write("id,label,text\n")
    for number, label in enumerate(names):
        text = rng.choices(words, likings[label], k=rng.randint(9, 20))
        out.write(f"{number},{label},{' '.join(text)}\n")
time.sleep(args.slow)
print(f"{args.docs} documents, {os.path.getsize(args.out)} bytes, {len(set(names))} labels")
