"""Makes the taxi trips of some days: one CSV row a trip, ordered by day, zone and hour.

Each day has random numbers of its own, so the same day is the same in every window that contains it. The number of
trips of a zone in an hour is a Poisson number around a daily curve that differs between working days and weekends.
"""
import argparse
import datetime
import math
import os
import random
import time

HEADER = "pickup,zone,distance_km,duration_s,fare\n"


def zone_rates(seed, zones):
    rng = random.Random(f"{seed} zones")
    return [(4.8 + 6.9 * rng.random(), 0.5 + 0.4 * rng.random(), 24 * rng.random() / 6) for _ in range(zones)]


def expected(rate, weekday, hour):
    base, swing, shift = rate
    curve = 1 + swing * math.sin(2 * math.pi * (hour - 8 - shift) / 24) + 0.22 * math.sin(4 * math.pi * (hour - 2) / 24)
    return max(0.2, base * curve * (0.82 if weekday >= 5 else 1.07))


def poisson(rng, mean):
    limit, product, count = math.exp(-mean), rng.random(), 0
    while product > limit:
        product *= rng.random()
        count += 1
    return count


def trip(rng):
    distance = min(60.0, rng.lognormvariate(1.2, 0.6))
    duration = int(240 + distance * 110 * (0.8 + 0.4 * rng.random()))
    odd = rng.random()
    if odd < 0.0004:  # a meter left running
        duration *= 12
    elif odd < 0.0006:  # a broken odometer
        distance += 400
    return distance, duration


def day_rows(seed, day, rates):
    rng = random.Random(f"{seed} {day}")
    for zone, rate in enumerate(rates):
        for hour in range(24):
            for _ in range(poisson(rng, expected(rate, day.weekday(), hour))):
                minute, second = rng.randrange(60), rng.randrange(60)
                distance, duration = trip(rng)
                fare = 4.5 + 1.9 * distance + 0.005 * duration
                yield f"{day}T{hour:02}:{minute:02}:{second:02},{zone},{distance:.2f},{duration},{fare:.2f}\n"


def main():
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("--end", type=datetime.date.fromisoformat, required=True, help="the day after the last one")
    args.add_argument("--days", type=int, default=56)
    args.add_argument("--zones", type=int, default=12)
    args.add_argument("--seed", type=int, default=7)
    args.add_argument("--slow", type=float, default=0, help="seconds to take longer")
    args.add_argument("--out", required=True)
    args = args.parse_args()

    os.makedirs(os.path.dirname(os.path.abspath(args.out)), exist_ok=True)
    rates, rows = zone_rates(args.seed, args.zones), 0
    with open(args.out + ".new", "w") as out:
        out.write(HEADER)
        for back in range(args.days, 0, -1):
            for row in day_rows(args.seed, args.end - datetime.timedelta(days=back), rates):
                out.write(row)
                rows += 1
            time.sleep(args.slow / args.days)
    os.replace(args.out + ".new", args.out)
    print(f"{rows} trips, {os.path.getsize(args.out)} bytes, {args.days} days before {args.end}")
    with open(os.environ.get("ROTA_OUTPUT", os.devnull), "a") as outputs:
        outputs.write(f"rows={rows}\n")


main()
