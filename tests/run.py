#!/usr/bin/env python3
"""Runs the tests and counts them; the last line is `N passed, N failed`.

    tests/run.py [--build DIR] [--only TEXT] [--slow N] [--jobs N] [--make ARG]... STAGE...

    build        everything and the unit tests' programs, in the build folder
    compile      the same with warnings as errors, and every object with clang too
    lint         make lint
    unit         tests/unit/*/*_test.c, the kept inputs of tests/fuzz, tests/sim, ui/test/*.test.ts
    integration  tests/integration/*.sh and *.py, against the program in the build folder
    e2e          tests/e2e/*.test.mjs by node, the same program in a real browser

What is built comes first. Then the files of all stages run side by side, the longest first, and clang and the checkers
of `lint` beside them with a lower priority: tests mostly wait, and what they leave of the processors is theirs.

A test file is an executable that prints a line for each of its cases: `ok NAME`, `not ok NAME` or `skip NAME REASON`
(cmocka's TAP output is read too). One that prints none is a single case, and its exit code says how it went. It runs in
an empty directory of its own, which is also its HOME and TMPDIR, with ROTA (the program), ROTA_SOURCE (this tree),
ROTA_TEST_SLOW (what --slow says, by which the harness waits longer) and, where there is one, ROTA_SHARED. After it has
ended, whatever it started and left running is killed. It has 240 seconds, or what a line `# time-limit: SECONDS` (or
with `//`) among its first 20 says, times what --slow says. A line `# takes: SECONDS` says about how long it takes on a
quiet machine, where that is long; it has at least ten times that, for nothing should fail because a machine is busy.
Its output is shown only if something failed, and kept in DIR/log. Files that tests share lie in
tests/integration/lib/. With ROTA_TEST_JOURNALS=DIR every daemon of the
integration tests records a journal there, for `rota replay` to decide again.
"""

import argparse
import concurrent.futures
import ctypes
import glob
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CASE = re.compile(r"^(ok|not ok|skip)\b\s*(.*)$")
TAP = re.compile(r"^(ok|not ok) \d+\b[\s-]*(.*)$")
PLAN = re.compile(r"^1\.\.(\d+)$")
PR_SET_CHILD_SUBREAPER = 36
PROCESSOR = "processor time of all that ended in it:"  # what the guard says last
CORES = len(os.sched_getaffinity(0))
# What the sanitizers are told, beside where to report. A leak is looked for when a process ends by exit.
SANITIZERS = {
    "ASAN": "detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1:allocator_may_return_null=1",
    "UBSAN": "print_stacktrace=1",
    "TSAN": f"second_deadlock_stack=1:die_after_fork=0:suppressions={ROOT}/tests/tsan.txt:allocator_may_return_null=1",
}


class Tally:
    def __init__(self):
        self.passed, self.failed, self.skipped = 0, 0, []

    def add(self, name, results):
        self.passed += sum(kind == "ok" for kind, _ in results)
        self.failed += sum(kind == "not ok" for kind, _ in results)
        self.skipped += [f"{name}: {text}" for kind, text in results if kind == "skip"]


def descendants(pid):
    """Every process below `pid`, parents first."""
    found, queue = [], [pid]
    while queue:
        parent = queue.pop(0)
        try:
            with open(f"/proc/{parent}/task/{parent}/children", encoding="ascii") as children:
                below = [int(child) for child in children.read().split()]
        except OSError:
            continue
        found += below
        queue += below
    return found


def guard(seconds, command):
    """Runs in a process of its own for each test file: as the reaper of whatever is orphaned below it, it can end all
    that the test started, daemons and supervisors with sessions of their own included. Exits like the command, with
    124 if the time is over."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    started = subprocess.Popen(command, start_new_session=True, stdin=subprocess.DEVNULL)

    def expire(number, _frame):
        raise TimeoutError(f"the time is over: {seconds} s" if number == signal.SIGALRM else "interrupted")

    for number in (signal.SIGALRM, signal.SIGTERM, signal.SIGINT):
        signal.signal(number, expire)
    signal.alarm(seconds)
    code = None
    try:
        while code is None:
            pid, status = os.waitpid(-1, 0)
            if pid == started.pid:
                code = os.waitstatus_to_exitcode(status)
    except TimeoutError as reason:
        print(f"# {reason}", flush=True)
        code = 124
    signal.alarm(0)
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"# {PROCESSOR} {spent.ru_utime + spent.ru_stime:.1f} s", flush=True)
    left_over = descendants(os.getpid())
    if left_over and code == 0:
        print(f"# left {len(left_over)} processes running", flush=True)
    for _ in range(100):
        for pid in left_over:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            break
        time.sleep(0.02)
        left_over = descendants(os.getpid())
    sys.exit(code if code >= 0 else 128 - code)


def read_results(name, output, code):
    """The cases that a test file printed, and one more if it came to grief beside them. After TAP's plan only what is
    numbered is a case, so that a program may print any other line."""
    results, planned = [], None
    for line in output.splitlines():
        plan = PLAN.match(line)
        if plan:
            planned = (planned or 0) + int(plan.group(1))
        case = (CASE if planned is None else TAP).match(line)
        if not case:
            continue
        kind, text = case.groups()
        if re.match(r"#\s*skip", text, re.IGNORECASE) or (kind == "ok" and re.search(r"#\s*skip", text, re.IGNORECASE)):
            kind = "skip"
        results.append((kind, text))
    failed = any(kind == "not ok" for kind, _ in results)
    if code == 0 and not results and planned is None:
        results.append(("ok", name))
    elif code != 0 and not failed:
        results.append(("not ok", f"{name} ended with {code}"))
    elif planned is not None and planned != len(results):
        results.append(("not ok", f"{name} planned {planned} cases and ran {len(results)}"))
    return results


def said_by(path, key, otherwise):
    """The number of a line `# KEY: NUMBER` at the begin of a test file."""
    try:
        with open(path, encoding="utf-8") as source:
            for _, line in zip(range(20), source):
                said = re.match(rf"(?:#|//)\s*{key}:\s*(\d+)", line)
                if said:
                    return int(said.group(1))
    except (OSError, UnicodeDecodeError):
        pass
    return otherwise


class File:
    """A test file: `source` says how long it may take, `program` is what is executed."""

    def __init__(self, name, program, source=None, in_tree=False, limit=240, arguments=()):
        self.name, self.program, self.in_tree, self.arguments = name, program, in_tree, arguments
        self.takes = said_by(source or program, "takes", 0)
        self.limit = max(said_by(source or program, "time-limit", limit), 10 * self.takes)


def report_path(options, name):
    """What the sanitizers of a build that has some begin the names of their reports with."""
    return os.path.join(ROOT, options.build, "reports", name.replace("/", "-"))


# The leak checker stops all threads to look at their registers; one that ends at that moment has none any more. It
# says so and goes on without them: this line alone is no finding, and a leak beside it is told as ever.
ENDED_THREAD = re.compile(r"(==\d+==Unable to get registers from thread \d+\.\s*)+")


def take_reports(options, name):
    """The reports of all processes that a test file started, daemons that nobody waited for included."""
    taken = []
    begin = report_path(options, name)
    for path in sorted(glob.glob(glob.escape(begin) + ".[0-9]*")):
        with open(path, encoding="utf-8", errors="replace") as text:
            said = text.read()
        if not ENDED_THREAD.fullmatch(said):
            taken.append(said)
        os.remove(path)
    return taken


def environment(options, name, home):
    passed = ("PATH", "USER", "LOGNAME", "CI", "CHROMIUM", "UPGRADE_TASKS", "ROTA_TEST_JOURNALS")
    kept = {key: os.environ[key] for key in passed if key in os.environ}
    shared = os.environ.get("ROTA_SHARED", os.path.join(os.path.dirname(ROOT), "shared"))
    if os.path.isdir(shared):
        kept["ROTA_SHARED"] = os.path.abspath(shared)
    return kept | {
        "ROTA_TEST_SLOW": str(options.slow),
        "HOME": home,
        "TMPDIR": home,
        "LC_ALL": "C.UTF-8",
        "NO_COLOR": "1",
        "CMOCKA_MESSAGE_OUTPUT": "TAP",
        "ROTA": os.path.join(ROOT, options.build, "rota"),
        "ROTA_SOURCE": ROOT,
        "PYTHONDONTWRITEBYTECODE": "1",
    } | {
        f"{which}_OPTIONS": f"log_path={report_path(options, name)}:{more}"
        for which, more in SANITIZERS.items()
    }


def remove_tree(path):
    """Like shutil.rmtree, for trees whose directories a test has closed to its owner."""
    for folder, _, _ in os.walk(path):
        try:
            os.chmod(folder, 0o700)
        except OSError:
            pass
    shutil.rmtree(path, ignore_errors=True)


def run_file(options, file):
    name, program = file.name, file.program
    home = tempfile.mkdtemp(prefix="rota-test-")
    begin = time.monotonic()
    os.makedirs(os.path.dirname(report_path(options, name)), exist_ok=True)
    take_reports(options, name)
    command = [sys.executable, os.path.abspath(__file__), "--guard", str(file.limit * options.slow)]
    command += ["node", "--test-reporter=tap", program] if program.endswith(".mjs") else [program, *file.arguments]
    try:
        done = subprocess.run(
            command,
            cwd=ROOT if file.in_tree else home,
            env=environment(options, name, home),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
    finally:
        remove_tree(home)
    output = done.stdout.decode("utf-8", "replace")
    results = read_results(name, output, done.returncode)
    reports = take_reports(options, name)
    if reports:
        output += "\n".join(reports)
        results.append(("not ok", f"{name}: a sanitizer reported {len(reports)} times"))
    log = os.path.join(ROOT, options.build, "log", name.replace("/", "-") + ".log")
    os.makedirs(os.path.dirname(log), exist_ok=True)
    with open(log, "w", encoding="utf-8") as kept:
        kept.write(output)
    spent = re.search(rf"^# {PROCESSOR} ([\d.]+) s$", output, re.MULTILINE)
    return name, results, output, time.monotonic() - begin, float(spent.group(1)) if spent else 0.0


def report(tally, name, results, output, seconds, spent):
    failed = [text for kind, text in results if kind == "not ok"]
    tally.add(name, results)
    print(f"  {'FAIL' if failed else 'ok':4}  {name} ({len(results)})  {seconds:.1f} s, {spent:.1f} s of processor", flush=True)
    if not failed:
        return
    lines = output.splitlines()
    if len(lines) > 400:
        lines = lines[:100] + [f"... {len(lines) - 400} lines are left out here ..."] + lines[-300:]
    print("\n".join("      | " + line for line in lines))
    for text in failed:
        print(f"      failed: {text}", flush=True)


def run_files(options, tally, files):
    chosen = sorted((file for file in files if options.only in file.name), key=lambda file: -file.takes)
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        try:
            for done in concurrent.futures.as_completed([pool.submit(run_file, options, file) for file in chosen]):
                report(tally, *done.result())
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


class Step:
    """One call of make that counts as one test."""

    def __init__(self, name, *arguments):
        self.name = name
        self.command = ["make", "--no-print-directory", "-k", f"-j{CORES}", *arguments]

    def run(self, options, beside):
        """What it says is shown as it comes, or at the end and only if it failed where it runs beside the tests."""
        begin = time.monotonic()
        command = ["nice", "-n", "10", *self.command] if beside else self.command
        more = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT} if beside else {}
        started = subprocess.Popen(command, cwd=ROOT, **more)
        output = started.stdout.read().decode("utf-8", "replace") if beside else ""
        _, status, used = os.wait4(started.pid, 0)
        started.returncode = os.waitstatus_to_exitcode(status)
        result = "ok" if started.returncode == 0 else "not ok"
        return self.name, [(result, self.name)], output, time.monotonic() - begin, used.ru_utime + used.ru_stime


def run_steps(options, steps, done):
    """One after the other, beside the tests."""
    for step in steps:
        done.append(step.run(options, True))


# Each stage gives what is built first, what may run beside the tests, and test files.


def stage_build(options):
    return [Step("build", f"BUILD={options.build}", *options.make, "all", "unit-programs", "ui-modules")], [], []


def stage_compile(options):
    build = options.build
    # What is compiled by clang is never executed: without optimisation it says the same in a third of the time.
    return [Step("build with gcc", f"BUILD={build}", "CC=gcc", "WERROR=-Werror", "all", "unit-programs", "ui-modules")], [
        Step("compile with clang", f"BUILD={build}-clang", "CC=clang", "CFLAGS=-O0", "WERROR=-Werror", "objects")], []


def stage_lint(options):
    return [], [Step("lint", f"BUILD={options.build}", "CC=gcc", "WERROR=-Werror", "lint")], []


def stage_unit(options):
    files = []
    base = os.path.join(ROOT, "tests/unit")
    for room in sorted(os.listdir(base)):
        folder = os.path.join(base, room)
        if not os.path.isdir(folder):
            continue
        for source in sorted(os.listdir(folder)):
            if source.endswith("_test.c"):
                name = f"unit/{room}/{source[:-2]}"
                program = os.path.join(ROOT, options.build, "tests", name)
                # They are run from the root, where they find the tree's own files.
                files.append(File(name, program, os.path.join(folder, source), True))
    for source in sorted(os.listdir(os.path.join(ROOT, "tests/fuzz"))):
        if source.endswith("_fuzz.c"):
            name = f"fuzz/{source[:-len('_fuzz.c')]}"
            files.append(File(name, os.path.join(ROOT, options.build, "tests", f"{name}_replay"), None, True))
    files.append(File("sim", os.path.join(ROOT, options.build, "tests/sim/sim"), None, True, 600))
    files.append(File("unit/ui", os.path.join(ROOT, "ui/test.mjs"), None, True))
    return [], [], files


def folder_files(kind, endings):
    """Each file of a folder of tests against the program that was built."""
    folder = os.path.join(ROOT, "tests", kind)
    return [File(f"{kind}/{name}", os.path.join(folder, name)) for name in sorted(os.listdir(folder)) if name.endswith(endings)]


def stage_integration(_options):
    return [], [], folder_files("integration", (".sh", ".py"))


def stage_e2e(_options):
    return [], [], folder_files("e2e", (".test.mjs",))


STAGES = {
    "build": stage_build,
    "compile": stage_compile,
    "lint": stage_lint,
    "unit": stage_unit,
    "integration": stage_integration,
    "e2e": stage_e2e,
}


def run_stages(options, tally):
    first, beside, files = [], [], []
    for stage in options.stages:
        more = STAGES[stage](options)
        first, beside, files = first + more[0], beside + more[1], files + more[2]
    for step in first:
        print(f"{step.name}:", flush=True)
        report(tally, *step.run(options, False))
    done = []
    background = threading.Thread(target=run_steps, args=(options, beside, done))
    background.start()
    if files:
        print("tests:", flush=True)
        if os.path.exists(os.path.join(ROOT, options.build, "rota")):
            run_files(options, tally, files)
        else:
            report(tally, "tests", [("not ok", f"{options.build}/rota wasn't built")], "", 0, 0)
    background.join()
    for step in done:
        report(tally, *step)


def main():
    if len(sys.argv) > 3 and sys.argv[1] == "--guard":
        try:
            guard(int(sys.argv[2]), sys.argv[3:])
        except OSError as failure:
            print(f"# can't be executed: {failure}")
            sys.exit(127)
    parser = argparse.ArgumentParser(description="Runs the tests.", epilog="Stages: " + " ".join(STAGES))
    parser.add_argument("--build", default="build", help="the build folder, from the root of the tree")
    parser.add_argument("--only", default="", help="only the test files whose name contains this")
    parser.add_argument("--slow", type=int, default=1, help="multiplies the time limits")
    parser.add_argument("--jobs", type=int, default=min(CORES, 8) + 1, help="how many files run side by side")
    parser.add_argument("--make", action="append", default=[], help="an argument for make in the stage `build`")
    parser.add_argument("stages", nargs="+", choices=STAGES, metavar="STAGE")
    options = parser.parse_args()
    tally = Tally()
    try:
        run_stages(options, tally)
    except KeyboardInterrupt:
        print("interrupted")
        tally.failed += 1
    if tally.skipped:
        print(f"{len(tally.skipped)} skipped:")
        for text in tally.skipped:
            print(f"  {text}")
    print(f"{tally.passed} passed, {tally.failed} failed", flush=True)
    return 1 if tally.failed else 0


if __name__ == "__main__":
    sys.exit(main())
