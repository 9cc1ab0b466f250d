#!/usr/bin/env python3
"""Adds up what gcov counted: lines and branches a room, of a build with --coverage whose tests have been run.

    tests/coverage.py BUILD [--missing PART] [--least ROOM=PERCENT]...

A branch is one way out of a condition, as gcov has it. Three kinds aren't counted, since no input can take them:
  - those of an assert: one way out is a bug of ours (the table says how many lines these are)
  - the way past all cases of a switch without a default: -Wswitch holds that its cases are all the values there are
  - of jansson's json_is_string and its like, which are macros, the check for NULL, where what is asked about is there
--missing lists the lines of files whose path contains PART that weren't reached or whose branches weren't all taken.
--least fails if fewer branches of a room than that were taken.
"""

import argparse
import collections
import concurrent.futures
import json
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TREES = ("base/", "cli/", "scheduler/", "worker/")


def counted(build):
    for folder, _, names in os.walk(os.path.join(build, "obj")):
        if "/obj/tests" not in folder:
            yield from (os.path.join(folder, name) for name in names if name.endswith(".gcno"))


def ask_gcov(path):
    said = subprocess.run(["gcov", "--json-format", "--branch-probabilities", "--stdout", path], cwd=ROOT,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    return [json.loads(line) for line in said.stdout.splitlines() if line.strip()]


class Source:
    """One file: for each line how often it was reached, and how often each of its ways out was taken."""

    def __init__(self, path):
        self.path = path
        self.lines = collections.Counter()
        self.branches = {}
        with open(os.path.join(ROOT, path), encoding="utf-8") as text:
            self.text = text.read().split("\n")
        self.asserts = self.statements(r"\bassert\(")

    def add(self, line):
        number = line["line_number"]
        self.lines[number] += line["count"]
        taken = [branch["count"] for branch in line["branches"]]
        if not taken:
            return
        # A function of a header is in each object that uses it; one of a macro may be there more than once a line.
        before = self.branches.setdefault(number, [])
        if len(before) == len(taken):
            self.branches[number] = [a + b for a, b in zip(before, taken)]
        elif self.path.endswith(".h"):
            self.branches[number] = max(before, taken, key=len)
        else:
            before += taken

    def statements(self, begin):
        """The lines of all calls that begin so, up to the parenthesis that ends them."""
        found = set()
        for first, text in enumerate(self.text):
            start = re.search(begin, text)
            if not start or text.lstrip().startswith(("*", "/*", "#")):
                continue
            depth, number, rest = 0, first, text[start.end() - 1:]
            while number < len(self.text):
                depth += rest.count("(") - rest.count(")")
                found.add(number + 1)
                if depth <= 0:
                    break
                number += 1
                rest = self.text[number]
        return found

    def without_default(self, number):
        """Whether a switch stands in this line that names all its values."""
        start = re.match(r"( *)switch \(", self.text[number - 1])
        if not start:
            return False
        for text in self.text[number:]:
            if text.startswith(start.group(1) + "}"):
                return True
            if re.match(start.group(1) + r"default:", text):
                return False
        return False

    def ways(self):
        """Of each line that counts: its number and how often each of its ways out was taken."""
        for number, taken in sorted(self.branches.items()):
            if number in self.asserts:
                continue
            taken = taken[:]
            never = self.without_default(number) + len(re.findall(r"\bjson_is_\w+\(", self.text[number - 1]))
            for _ in range(min(never, taken.count(0))):
                taken.remove(0)
            yield number, taken


def read_sources(build):
    sources = {}
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for reports in pool.map(ask_gcov, sorted(counted(build))):
            for file in (file for report in reports for file in report["files"]):
                path = os.path.relpath(os.path.join(ROOT, file["file"]), ROOT)
                if not path.startswith(TREES):
                    continue
                source = sources.setdefault(path, None) or Source(path)
                sources[path] = source
                for line in file["lines"]:
                    source.add(line)
    return sources


def room_of(path):
    room = os.path.dirname(path)
    return re.sub(r"^(scheduler/(?:spec|daemon)|worker/ssh)/.*", r"\1", room)


def tally(sources):
    rooms = collections.defaultdict(lambda: [0, 0, 0, 0, 0])
    for path, source in sources.items():
        room = rooms[room_of(path)]
        room[0] += sum(count > 0 for count in source.lines.values())
        room[1] += len(source.lines)
        ways = [count for _, taken in source.ways() for count in taken]
        room[2] += sum(count > 0 for count in ways)
        room[3] += len(ways)
        room[4] += len(source.asserts & set(source.branches))
    return rooms


def percent(part, whole):
    return 100.0 * part / whole if whole else 100.0


def show_missing(sources, part):
    for path, source in sorted(sources.items()):
        if part not in path:
            continue
        short = {number: taken for number, taken in source.ways() if 0 in taken}
        for number, count in sorted(source.lines.items()):
            if count == 0 or number in short:
                ways = short.get(number, [])
                said = f"{ways.count(0)} of {len(ways)}" if ways else "line"
                print(f"{path}:{number}: {said:10} {source.text[number - 1].strip()}")


def main():
    options = argparse.ArgumentParser()
    options.add_argument("build")
    options.add_argument("--missing")
    options.add_argument("--least", action="append", default=[])
    options = options.parse_args()
    sources = read_sources(os.path.abspath(options.build))
    if not sources:
        sys.exit(f"{options.build}: nothing was counted there")
    if options.missing:
        show_missing(sources, options.missing)
    rooms = tally(sources)
    print(f"{'room':22} {'lines':>14} {'':>7} {'branches':>14} {'':>7} {'asserts':>8}")
    for room, (lines, all_lines, ways, all_ways, asserts) in sorted(rooms.items()):
        print(f"{room:22} {lines:>6} of {all_lines:>5} {percent(lines, all_lines):6.1f}% "
              f"{ways:>6} of {all_ways:>5} {percent(ways, all_ways):6.1f}% {asserts:>8}")
    failed = False
    for least in options.least:
        room, bound = least.split("=")
        _, _, ways, all_ways, _ = rooms[room]
        if percent(ways, all_ways) < float(bound):
            print(f"{room}: {percent(ways, all_ways):.1f}% of the branches were taken, {bound}% are asked for")
            failed = True
    sys.exit(failed)


if __name__ == "__main__":
    main()
