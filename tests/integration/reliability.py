#!/usr/bin/env python3
"""docs/reliability.md says of every fault what is done and which tests hold it; here it is held that the table is whole,
that its tests exist, that each of its rows is one that tests/mutants breaks on purpose, and that the commands which it
gives for its promises and figures are there."""
import os
import re
import sys

SOURCE = os.environ["ROTA_SOURCE"]
sys.path.insert(0, os.path.join(SOURCE, "tests/mutants"))
import mutants  # noqa: E402  pylint: disable=wrong-import-position

FAULTS = 57
failures = 0


def report(name, wrong):
    global failures
    failures += bool(wrong)
    for line in wrong:
        print(line)
    print(f"{'not ok' if wrong else 'ok'} {name}", flush=True)


def rows():
    """(number, tests, the whole last column) of each row."""
    with open(os.path.join(SOURCE, "docs/reliability.md"), encoding="utf-8") as text:
        for line in text:
            cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
            if len(cells) == 4 and cells[0].isdigit():
                yield int(cells[0]), re.findall(r"`([^`]+)`", cells[3]), cells[3]


def text():
    with open(os.path.join(SOURCE, "docs/reliability.md"), encoding="utf-8") as file:
        return file.read()


def targets():
    """What `make` can be told, by its own files."""
    found = set()
    for folder, folders, files in os.walk(SOURCE):
        folders[:] = [name for name in folders if name not in (".git", "build", "node_modules")]
        for name in files:
            if name == "Makefile" or name.endswith(".mk"):
                with open(os.path.join(folder, name), encoding="utf-8") as makefile:
                    found.update(word for line in re.findall(r"^([a-z][a-z -]*):(?!=)", makefile.read(), re.MULTILINE)
                                 for word in line.split())
    return found


def wrong_commands(found):
    """Commands that can't do what they are there for: no such target, mutant, suite, row, test or program."""
    known, suites = targets(), mutants.suites()
    for command in re.findall(r"`((?:[A-Z_]+=\S+ )*(?:make|tests/|build/tests/)[^`]*)`", text()):
        for part in command.split(" && "):
            words = [word for word in part.split() if not re.match(r"[A-Z_]+=", word)]
            named = dict(re.findall(r"\b(T|SUITE|FAULT|SCENARIO)=(\S+)", part))
            if words[0] == "make" and not set(words[1:]) <= known:
                yield f"{command}: make knows only some of it"
            if "mutants" in words and named.get("SUITE", suites[0]) not in suites:
                yield f"{command}: there is no such suite"
            if "mutants" in words and "T" in named and named["T"] not in [m.name for m in found]:
                yield f"{command}: there is no such mutant"
            source = re.sub(r"^build/(tests/unit/\w+/\w+)$", r"\1.c", words[0])
            if words[0] != "make" and not os.path.exists(os.path.join(SOURCE, source)):
                yield f"{command}: {source} isn't there"
            case = words[1].removeprefix("test_") if words[0] != "make" and len(words) > 1 else None
            if case and not mutants.test_exists(f"{re.sub('^tests/(unit|integration)/', '', source)} {case}", SOURCE):
                yield f"{command}: there is no such case"


def promises():
    """(its first words, the command that breaks it) of each row of the table of promises."""
    return re.findall(r"^\| ([^|]+) \| [^|]+ \| `(make mutants T=\w+)` \|$", text(), re.MULTILINE)


def main():
    table = list(rows())
    numbers = [number for number, _, _ in table]
    report("the_table_has_each_fault_once_and_in_order",
           [] if numbers == list(range(1, FAULTS + 1)) else [f"its rows are {numbers}"])
    report("each_row_names_its_tests_or_says_why_it_has_none",
           [f"row {number}: {cell}" for number, tests, cell in table if not tests and not cell.startswith("doesn't apply:")])
    report("each_test_that_is_named_exists",
           [f"row {number}: {test}" for number, tests, _ in table for test in tests if not mutants.test_exists(test, SOURCE)])
    found = [m for suite in mutants.suites() for m in mutants.read_suite(suite)]
    broken = {fault for m in found for fault in m.faults}
    report("each_row_is_broken_on_purpose_by_a_mutant",
           [f"row {number}: no mutant in tests/mutants names it" for number, tests, _ in table
            if tests and number not in broken])
    told = re.findall(r"^- \*\*(.+?)\.?\*\*", text().split("## Promised")[1].split("\n## ")[0], re.MULTILINE)
    report("each_promise_is_held_and_broken_on_purpose",
           [] if told and len(promises()) == len(told) else [f"promised: {told}, in the table: {promises()}"])
    report("each_command_is_one_that_there_is", list(wrong_commands(found)))
    report("each_mutant_finds_its_lines_and_its_tests", list(mutants.faults_of(found)))


main()
sys.exit(failures > 0)
