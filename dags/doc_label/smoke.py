"""Loads what was exported and labels ten documents with it."""
import argparse
import json
import sys

import bayes

args = argparse.ArgumentParser(description=__doc__)
args.add_argument("--database", required=True)
args.add_argument("--model", required=True)
args.add_argument("--break", dest="broken", choices=["true", "false"], default="false", help="fail, to see the rollback")
args = args.parse_args()

with open(args.model) as text:
    model = json.load(text)
told = [bayes.predict(model, counts) for _, counts in bayes.documents(args.database, "held")[:10]]
print("ten predictions:", *told)
if args.broken == "true" or None in told:
    sys.exit("the exported model doesn't work")
