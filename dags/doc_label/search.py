"""Tries settings one after the other. Each finished trial is a row in $ROTA_STATE/study.db, so that an attempt that is
killed loses no more than the trial it was at."""
import argparse
import json
import os
import signal
import sqlite3
import time

import bayes

args = argparse.ArgumentParser(description=__doc__)
args.add_argument("--database", required=True)
args.add_argument("--trials", type=int, default=12)
args.add_argument("--alphas", type=json.loads, required=True, help="a JSON list")
args.add_argument("--slow", type=float, default=0, help="seconds that each trial takes longer")
args.add_argument("--crash-at", type=int, default=0, help="the trial at which the first attempt kills itself")
args = args.parse_args()

train = bayes.documents(args.database, "train")
tune = bayes.documents(args.database, "tune")[:1500]
with sqlite3.connect(os.path.join(os.environ.get("ROTA_STATE", "."), "study.db")) as study:
    study.execute("CREATE TABLE IF NOT EXISTS trial (number INT PRIMARY KEY, alpha REAL, prior INT, accuracy REAL)")
    done = {number for number, in study.execute("SELECT number FROM trial")}
    print(f"trials_resumed={len(done)}")
    bayes.append("ROTA_OUTPUT", f"trials_resumed={len(done)}")
    for number in range(1, args.trials + 1):
        if number in done:
            continue
        if number == args.crash_at and os.environ.get("ROTA_ATTEMPT", "1") == "1":
            print(f"trial {number}: out of memory, let us say")
            os.kill(os.getpid(), signal.SIGKILL)
        alpha = args.alphas[(number - 1) % len(args.alphas)]
        prior = (number - 1) // len(args.alphas) % 2 == 0
        model = bayes.fit(train, alpha, prior)
        accuracy, _ = bayes.judge([(label, bayes.predict(model, counts)) for label, counts in tune])
        time.sleep(args.slow)
        study.execute("INSERT INTO trial VALUES (?, ?, ?, ?)", (number, alpha, prior, accuracy))
        study.commit()
        print(f"trial {number}: alpha {alpha:g}, {'learned' if prior else 'equal'} prior: {accuracy:.4f}")
        bayes.append("ROTA_PROGRESS", f"{number / args.trials:.2f} trial {number}/{args.trials}")
    rows = list(study.execute("SELECT number, alpha, prior, accuracy FROM trial ORDER BY accuracy DESC, number"))

_, alpha, prior, _ = rows[0]
bayes.append("ROTA_OUTPUT", f"alpha={alpha}\nprior={'true' if prior else 'false'}")
bayes.append("ROTA_SUMMARY", "| trial | alpha | prior | accuracy |\n| ---: | ---: | --- | ---: |\n" + "\n".join(
    f"| {n} | {a:g} | {'learned' if p else 'equal'} | {acc:.4f} |" for n, a, p, acc in rows))
