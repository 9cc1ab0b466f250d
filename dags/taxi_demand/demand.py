"""What the training, the evaluation and the forecast share: the counts, the features, and ridge regression."""
import csv
import datetime
import json
import math
import os

FEATURES = 15  # constant, three daily waves as sine and cosine, six weekdays, demand a day and a week ago


class Counts:
    """Trips of each zone and hour, as one list of hours a zone. Hours without a trip are not in the file: 0."""

    def __init__(self, path, end, days, zones):
        self.first, self.hours = end - datetime.timedelta(days=days), days * 24
        self.zones = [[0] * self.hours for _ in range(zones)]
        with open(path, newline="") as lines:
            for day, hour, zone, trips in csv.reader(lines):
                at = (datetime.date.fromisoformat(day) - self.first).days * 24 + int(hour)
                self.zones[int(zone)][at] = int(trips)

    def features(self, zone, at):
        """The features of hour `at`, which may lie up to a day after the last one known."""
        hour, weekday = at % 24, (self.first.weekday() + at // 24) % 7
        waves = [wave(2 * math.pi * k * hour / 24) for k in (1, 2, 3) for wave in (math.sin, math.cos)]
        days = [1.0 if weekday == d else 0.0 for d in range(6)]
        return [1.0, *waves, *days, self.zones[zone][at - 24], self.zones[zone][at - 168]]


def ridge(counts, zone, start, end, penalty):
    """The weights that fit the hours from start to end, by the normal equations."""
    a = [[0.0] * (FEATURES + 1) for _ in range(FEATURES)]
    for at in range(max(start, 168), end):
        x, y = counts.features(zone, at), counts.zones[zone][at]
        for i, xi in enumerate(x):
            if xi:
                row = a[i]
                for j in range(i, FEATURES):
                    row[j] += xi * x[j]
                row[FEATURES] += xi * y
    for i in range(FEATURES):
        for j in range(i):
            a[i][j] = a[j][i]
        a[i][i] += penalty
    return solve(a)


def solve(a):
    """Gauss with row exchange; each row ends with its right-hand side."""
    n = len(a)
    for i in range(n):
        pivot = max(range(i, n), key=lambda r: abs(a[r][i]))
        a[i], a[pivot] = a[pivot], a[i]
        for r in range(i + 1, n):
            factor = a[r][i] / a[i][i]
            for c in range(i, n + 1):
                a[r][c] -= factor * a[i][c]
    x = [0.0] * n
    for i in reversed(range(n)):
        x[i] = (a[i][n] - sum(a[i][c] * x[c] for c in range(i + 1, n))) / a[i][i]
    return x


def predict(weights, x):
    return max(0.0, sum(w * v for w, v in zip(weights, x)))


def squared_error(counts, zone, weights, start, end):
    return sum((predict(weights, counts.features(zone, at)) - counts.zones[zone][at]) ** 2 for at in range(start, end))


def save(path, value):
    """Writes JSON so that a reader sees the old file or the whole new one."""
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    with open(path + ".new", "w") as out:
        json.dump(value, out)
    os.replace(path + ".new", path)


def load(path):
    with open(path) as text:
        return json.load(text)


def append(variable, text):
    """Adds a line to one of the result files that rota names: ROTA_OUTPUT, ROTA_PROGRESS, ROTA_SUMMARY."""
    with open(os.environ.get(variable) or os.devnull, "a") as out:
        out.write(text + "\n")


def arguments(parser):
    """The arguments that all these programs have."""
    parser.add_argument("--end", type=datetime.date.fromisoformat, required=True, help="the day after the last one")
    parser.add_argument("--days", type=int, default=56)
    parser.add_argument("--zones", type=int, default=12)
    parser.add_argument("--holdout", type=int, default=7, help="days at the end that no model has seen")
    parser.add_argument("--hourly", required=True)
    return parser
