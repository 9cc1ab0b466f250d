#!/usr/bin/env python3
"""docs/reliability.md says of every fault what is done and which tests hold it; here it is held that the table is whole,
that its tests exist, and that each of its rows is one that tests/mutants breaks on purpose."""
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
    report("each_mutant_finds_its_lines_and_its_tests", list(mutants.faults_of(found)))


main()
sys.exit(failures > 0)
