#!/usr/bin/env python3
"""Breaks the program on purpose, one place at a time, and demands that the test which guards the place fails.

    tests/mutants/mutants.py [--build DIR] [--suite NAME] [--only TEXT] [--fault N] [--list] [--check]

A suite is a file NAME.mutants beside this one. In it a mutant is

    == name_of_the_mutant
    fault: 3 12                          rows of the table in docs/reliability.md; may be missing
    breaks: what is wrong with it, in a few words
    file: scheduler/engine/retry.c
    -  whole lines as they stand in the file, which must be found exactly once;
    +  what stands there instead
    ~                                    other lines of the file follow; may be missing
    test: engine/retry_test.c a_loss_uses_a_budget_of_its_own

`test` may be given several times: each of them must fail. A test is a file and a case of it: `store/open_test.c CASE` of
tests/unit, `survival.py CASE` of tests/integration (without its test_), or `sim DISK N`: N seeds of tests/sim.

The tree is copied below the build folder. First the tests that are named must pass in the copy as it is. Then each mutant
is built, what its tests need and no more, and they are run; those with unit tests come first. One whose tests pass, or that doesn't build, is a failure; one whose test can't be run here
is told as skipped. --check only looks whether the lines and the tests are there, which `make lint` does.
"""
import argparse
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.dirname(os.path.dirname(HERE))
SIM = "build/tests/sim/sim"
SIM_LIMIT = 300
COPIED = ("Makefile", "base", "cli", "dags", "docs", "migrations", "scheduler", "tests", "ui", "worker")


class Mutant:
    def __init__(self, suite, name, line):
        self.suite, self.name, self.line = suite, name, line
        self.breaks, self.file = "", ""
        self.faults, self.tests, self.hunks = [], [], [([], [])]

    def take(self, line):
        """False if the line says nothing that belongs to a mutant."""
        key, _, value = line.partition(":")
        value = value.strip()
        if line == "~":
            self.hunks.append(([], []))
        elif line[:1] in "-+":
            self.hunks[-1][line[0] == "+"].append(line[1:])
        elif key == "fault":
            self.faults += [int(word) for word in value.split()]
        elif key == "test":
            self.tests.append(value)
        elif key in ("breaks", "file"):
            setattr(self, key, value)
        else:
            return False
        return True

    def applied(self, text):
        """The file's text with the mutant in it; None if its lines aren't there exactly once."""
        text = "\n" + text
        for hunk in self.hunks:
            old, new = ("\n" + "\n".join(lines) + "\n" if lines else "\n" for lines in hunk)
            if not hunk[0] or text.count(old) != 1:
                return None
            text = text.replace(old, new)
        return text[1:]


def suites():
    return sorted(name[:-len(".mutants")] for name in os.listdir(HERE) if name.endswith(".mutants"))


def read_suite(suite):
    found = []
    with open(os.path.join(HERE, suite + ".mutants"), encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            line = line.rstrip("\n")
            if line.startswith("== "):
                found.append(Mutant(suite, line[3:].strip(), number))
            elif line and not line.startswith("#") and not (found and found[-1].take(line)):
                raise SystemExit(f"{suite}.mutants:{number}: not understood: {line}")
    return found


# ---- tests by their names ----

def test_file(test):
    """The file of `FILE CASE`, from the root of the tree; None for the simulation."""
    name = test.split()[0]
    if name == "sim":
        return None
    return os.path.join("tests", "unit" if name.endswith(".c") else "integration", name)


def test_exists(test, tree=SOURCE):
    if test == "sim":
        return os.path.exists(os.path.join(tree, "tests/sim/sim.mk"))
    path = test_file(test)
    if path is None:
        return os.path.exists(os.path.join(tree, "tests/sim/sim.mk")) and re.fullmatch(r"sim (arrays|sqlite) \d+", test)
    words = test.split()
    if len(words) != 2 or not os.path.exists(os.path.join(tree, path)):
        return False
    with open(os.path.join(tree, path), encoding="utf-8") as source:
        text = source.read()
    case = re.escape(words[1])
    return re.search(rf"^def test_{case}\(" if path.endswith(".py") else rf"^static void {case}\(void \*\*", text,
                     re.MULTILINE) is not None


def takes_case(path):
    """Whether a unit test's program runs one case alone if it is named."""
    if not path.endswith(".c"):
        return False
    with open(path, encoding="utf-8") as source:
        return "cmocka_set_test_filter(argv[1])" in source.read()


def effort(mutant):
    """Those come first that need a unit test alone: no whole program is built and started for them."""
    return sum(0 if (test_file(test) or "").endswith(".c") else 1 for test in mutant.tests)


def faults_of(mutants):
    """What is wrong with the tables themselves, as sentences."""
    names = set()
    for m in mutants:
        where = f"tests/mutants/{m.suite}.mutants:{m.line}: {m.name}:"
        if m.name in names:
            yield f"{where} there are two of this name"
        names.add(m.name)
        if not (m.breaks and m.tests) or any(not old or old == new for old, new in m.hunks):
            yield f"{where} it needs breaks, test and lines that change"
        if not os.path.exists(os.path.join(SOURCE, m.file)):
            yield f"{where} there is no file {m.file}"
            continue
        with open(os.path.join(SOURCE, m.file), encoding="utf-8") as source:
            if m.applied(source.read()) is None:
                yield f"{where} its lines aren't found exactly once in {m.file}"
        for test in m.tests:
            if not test_exists(test):
                yield f"{where} there is no test `{test}`"


# ---- the copy ----

def shared_folder():
    """Where tests find what is too large for the tree; the copy's neighbours are others."""
    return os.environ.setdefault("ROTA_SHARED", os.path.join(os.path.dirname(SOURCE), "shared"))


class Tree:
    """A copy of the tree with a build folder of its own. A file is written only if it differs, so that make builds
    what has changed and no more."""

    def __init__(self, build, jobs):
        self.root = os.path.join(os.path.abspath(build), "tree")
        self.jobs = jobs
        shared_folder()
        self.update()
        spec = importlib.util.spec_from_file_location("rota_run", os.path.join(self.root, "tests/run.py"))
        self.runner = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.runner)

    def update(self):
        wanted = set()
        for top in COPIED:
            path = os.path.join(SOURCE, top)
            for folder, folders, files in os.walk(path) if os.path.isdir(path) else [(SOURCE, [], [top])]:
                folders[:] = [name for name in folders if name not in ("node_modules", "__pycache__", "build")]
                for name in files:
                    relative = os.path.relpath(os.path.join(folder, name), SOURCE)
                    wanted.add(relative)
                    self.copy(relative)
        for top in COPIED:
            for folder, _, files in os.walk(os.path.join(self.root, top)):
                for name in files:
                    path = os.path.join(folder, name)
                    if os.path.relpath(path, self.root) not in wanted and "__pycache__" not in path:
                        os.unlink(path)

    def copy(self, relative):
        source, target = os.path.join(SOURCE, relative), os.path.join(self.root, relative)
        with open(source, "rb") as file:
            content = file.read()
        self.write(relative, content)
        shutil.copymode(source, target)

    def write(self, relative, content):
        target = os.path.join(self.root, relative)
        if os.path.exists(target):
            with open(target, "rb") as file:
                if file.read() == content:
                    return
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "wb") as file:
            file.write(content)

    def make(self, *targets):
        """What it says if it doesn't build, else None. The pages aren't built: no test that is named here needs them."""
        compiler = "ccache gcc" if shutil.which("ccache") else "cc"
        done = subprocess.run(["make", "--no-print-directory", f"-j{self.jobs}", "BUILD=build", f"CC={compiler}", "WERROR=",
                               "CFLAGS=-O1", "UI_NODE=", *targets], cwd=self.root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              check=False, text=True)
        return None if done.returncode == 0 else done.stdout[-3000:]

    def target(self, test):
        path = test_file(test)
        if path is None:
            return SIM
        return f"build/{path[:-2]}" if path.endswith(".c") else "all"

    def run(self, test):
        """(ok, not ok or skip, what it printed)"""
        path, words = test_file(test), test.split()
        if path is None:
            return self.run_sim(*words[1:])
        full = os.path.join(self.root, path)
        unit = path.endswith(".c")
        program = os.path.join(self.root, "build", path[:-2]) if unit else full
        options = argparse.Namespace(build="build", slow=3)
        arguments = (words[1],) if takes_case(full) else () if unit else ("test_" + words[1],)
        file = self.runner.File(path.replace("/", "-"), program, full, in_tree=unit, arguments=arguments)
        results, output = self.runner.run_file(options, file)[1:3]
        for kind, text in results:
            if words[1] in text.split()[:3]:
                return kind, output
        return "not ok", output  # it ended before it came to the case, or was ended

    def run_sim(self, disk, seeds):
        command = [os.path.join(self.root, SIM), "--disk", disk, "--first", "0", "--seeds", seeds]
        try:
            done = subprocess.run(command, cwd=self.root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                                  text=True, errors="replace", timeout=SIM_LIMIT)
        except subprocess.TimeoutExpired:
            return "not ok", f"it didn't end within {SIM_LIMIT} s"
        # That few seeds don't reach every rare path says nothing of a mutant.
        unreached = "\nnever reached" in done.stdout and not re.search(r"^seed \d+ failed", done.stdout, re.MULTILINE)
        return "ok" if done.returncode == 0 or unreached else "not ok", done.stdout


# ---- running ----

def tail(output, lines=25):
    return "\n".join("      | " + line for line in output.rstrip().splitlines()[-lines:])


def check_unbroken(tree, tests):
    """Every test passes as the tree is. Gives those that can't be run here, or None if one fails."""
    said = tree.make(*sorted({tree.target(test) for test in tests}))
    if said:
        print(f"the tree doesn't build:\n{tail(said)}")
        return None
    skipped, good = set(), True
    for test in tests:
        kind, output = tree.run(test)
        if kind == "skip":
            skipped.add(test)
        elif kind != "ok":
            good = False
            print(f"not ok {test} fails without a mutant\n{tail(output)}", flush=True)
    return skipped if good else None


def try_mutant(tree, mutant, skipped):
    """(caught, survived, skipped or broken, what is to be said of it)"""
    with open(os.path.join(tree.root, mutant.file), "rb") as file:
        unbroken = file.read()
    text = mutant.applied(unbroken.decode())
    tests = [test for test in mutant.tests if test not in skipped]
    if text is None:
        return "broken", "its lines aren't found exactly once"
    if not tests:
        return "skipped", "its tests can't be run here"
    tree.write(mutant.file, text.encode())
    try:
        said = tree.make(*sorted({tree.target(test) for test in tests}))
        if said:
            return "broken", "it doesn't build\n" + tail(said)
        for test in tests:
            kind, _ = tree.run(test)
            if kind != "not ok":
                return "survived", f"{test} passes with it"
        return "caught", ", ".join(tests)
    finally:
        tree.write(mutant.file, unbroken)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default=os.path.join(SOURCE, "build/mutants"))
    parser.add_argument("--suite", choices=suites())
    parser.add_argument("--only", default="", help="mutants whose name or test matches this expression")
    parser.add_argument("--fault", type=int, help="mutants of this row of docs/reliability.md")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--check", action="store_true", help="only whether lines and tests are there")
    options = parser.parse_args()
    mutants = [m for suite in suites() if options.suite in (None, suite) for m in read_suite(suite)]
    wrong = list(faults_of(mutants))
    print("".join(f"{text}\n" for text in wrong), end="")
    if wrong or options.check:
        sys.exit(bool(wrong))
    mutants = [m for m in mutants if re.search(options.only, " ".join([m.name, *m.tests])) and options.fault in (None, *m.faults)]
    mutants.sort(key=effort)
    if options.list:
        for m in mutants:
            print(f"{m.suite:8} {m.name:44} {m.breaks}")
        sys.exit(0)
    begin = time.monotonic()
    tree = Tree(options.build, options.jobs)
    skipped = check_unbroken(tree, sorted({test for m in mutants for test in m.tests}))
    if skipped is None:
        sys.exit(1)
    counts = {"caught": 0, "survived": 0, "skipped": 0, "broken": 0}
    for m in mutants:
        what, said = try_mutant(tree, m, skipped)
        counts[what] += 1
        print(f"{ {'caught': 'ok', 'skipped': 'skip'}.get(what, 'not ok')} {m.name}: {what}: {said}", flush=True)
    print(f"{len(mutants)} mutants: " + ", ".join(f"{n} {what}" for what, n in counts.items() if n) +
          f", in {time.monotonic() - begin:.0f} s")
    sys.exit(counts["survived"] + counts["broken"] > 0)


if __name__ == "__main__":
    main()
