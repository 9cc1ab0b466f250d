"""Compares the new model, the one in use, and last week's demand, all on the same hours that none of them has seen."""
import argparse
import os
import time

import demand

args = demand.arguments(argparse.ArgumentParser(description=__doc__))
args.add_argument("--challenger", required=True)
args.add_argument("--champion", required=True, help="may not exist")
args.add_argument("--slow", type=float, default=0, help="seconds to take longer")
args.add_argument("--report", required=True)
args = args.parse_args()

counts = demand.Counts(args.hourly, args.end, args.days, args.zones)
start, end = counts.hours - args.holdout * 24, counts.hours
points = args.zones * (end - start)


def rmse(weights):
    return (sum(demand.squared_error(counts, z, weights[z], start, end) for z in range(args.zones)) / points) ** 0.5


def chart(weights):
    """Demand and forecast of the whole city over the holdout, as a picture in the page."""
    real = [sum(zone[at] for zone in counts.zones) for at in range(start, end)]
    told = [sum(demand.predict(weights[z], counts.features(z, at)) for z in range(args.zones)) for at in range(start, end)]
    top = max(real + told)

    def line(values, colour):
        path = " ".join(f"{900 * i / len(values):.1f},{200 - 190 * v / top:.1f}" for i, v in enumerate(values))
        return f'<polyline fill="none" stroke="{colour}" stroke-width="1.5" points="{path}"/>'

    return f'<svg viewBox="0 0 900 200" role="img" aria-label="Demand and forecast">{line(real, "#888")}{line(told, "#06c")}</svg>'


time.sleep(args.slow)
challenger = demand.load(args.challenger)
new = rmse(challenger["weights"])
naive = (sum((zone[at] - zone[at - 168]) ** 2 for zone in counts.zones for at in range(start, end)) / points) ** 0.5
old, champion = naive, "none"
if os.path.exists(args.champion):
    model = demand.load(args.champion)
    if len(model["weights"]) == args.zones:
        old, champion = rmse(model["weights"]), f"lambda {model['lambda']:g}"

for name, value in (("rmse", new), ("champion_rmse", old), ("naive_rmse", naive)):
    demand.append("ROTA_OUTPUT", f"{name}={value:.4f}")
demand.append("ROTA_OUTPUT", f"n={points}")
demand.append("ROTA_SUMMARY", f"| model | rmse on {points} points |\n| --- | ---: |\n"
              f"| new, lambda {challenger['lambda']:g} | {new:.4f} |\n| in use ({champion}) | {old:.4f} |\n"
              f"| same hour a week ago | {naive:.4f} |")
os.makedirs(os.path.dirname(os.path.abspath(args.report)), exist_ok=True)
with open(args.report, "w") as page:
    page.write(f"<!doctype html><meta charset=utf-8><title>Demand {args.end}</title><h1>Demand, {args.end}</h1>"
               f"<p>new {new:.4f}, in use ({champion}) {old:.4f}, naive {naive:.4f}</p>{chart(challenger['weights'])}\n")
print(f"new {new:.4f}, in use ({champion}) {old:.4f}, naive {naive:.4f}, {points} points")
