"""The figures of the labelled documents, beside those of the plain model, and the confusion matrix as a page."""
import argparse
import collections
import json

import bayes

args = argparse.ArgumentParser(description=__doc__)
args.add_argument("--tags", required=True)
args.add_argument("--database", required=True)
args.add_argument("--plain", required=True)
args.add_argument("--rare", default="warrant")
args.add_argument("--page", required=True)
args.add_argument("--csv", required=True)
args = args.parse_args()

with open(args.tags) as tags:
    pairs = [tuple(line.rstrip("\n").split(",")) for line in tags]
with open(args.plain) as text:
    plain = json.load(text)
accuracy, scores = bayes.judge(pairs)
plain_accuracy, _ = bayes.judge([(l, bayes.predict(plain, c)) for l, c in bayes.documents(args.database, "held")])
macro = sum(scores.values()) / len(scores)
bayes.append("ROTA_OUTPUT", f"accuracy={accuracy:.4f}\nplain_accuracy={plain_accuracy:.4f}\nmacro_f1={macro:.4f}\n"
             f"rare_f1={scores.get(args.rare, 0):.4f}\nn={len(pairs)}")
cells, labels = collections.Counter(pairs), sorted(scores)
with open(args.csv, "w") as out:
    out.write("label,f1\n" + "".join(f"{label},{scores[label]:.4f}\n" for label in labels))
with open(args.page, "w") as page:
    head = "".join(f"<th>{label}" for label in labels)
    rows = "".join(f"<tr><th>{a}" + "".join(f"<td>{cells[a, b] or ''}" for b in labels) for a in labels)
    page.write(f"<!doctype html><meta charset=utf-8><title>Confusion</title><table><tr><th>{head}{rows}</table>\n")
print(f"accuracy {accuracy:.4f} (plain {plain_accuracy:.4f}), macro F1 {macro:.4f}, "
      f"{args.rare} F1 {scores.get(args.rare, 0):.4f} on {len(pairs)} documents")
