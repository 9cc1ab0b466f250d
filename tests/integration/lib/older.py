"""The version of rota before the newest migration, built out of the history that the source lies in."""
import os
import shutil
import subprocess

from harness import ROTA, Skip

SOURCE = os.environ["ROTA_SOURCE"]


def git(*arguments, **more):
    return subprocess.run(["git", "-c", "safe.directory=*", "-C", SOURCE, *arguments], capture_output=True, check=True,
                          **more).stdout


def newest_migration():
    return max(name for name in os.listdir(os.path.join(SOURCE, "migrations")) if name.endswith(".sql"))


def last_release():
    """The last commit whose program doesn't know the newest migration. Skips where the history doesn't reach so far."""
    try:
        came = git("log", "--diff-filter=A", "--format=%H", "--", "migrations/" + newest_migration(), text=True).split()
        return git("rev-parse", "--verify", "--quiet", came[-1] + "^", text=True).strip()
    except (OSError, subprocess.CalledProcessError, IndexError):
        raise Skip("the history of the source isn't here, so the version before can't be built") from None


def older_rota():
    """Its program, with its supervisor beside it. Built once for each build folder: without optimisation and without
    the web pages it takes some 15 s of one core."""
    commit = last_release()
    folder = os.path.join(os.path.dirname(ROTA), "older", commit[:12])
    program = os.path.join(folder, "build/rota")
    if os.path.exists(os.path.join(folder, "built")):
        return program
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    archive = subprocess.Popen(["tar", "x", "-C", folder], stdin=subprocess.PIPE)
    archive.communicate(git("archive", commit, "--", ":(exclude)ui", ":(exclude)tests/e2e", ":(exclude)docs/images"))
    assert archive.returncode == 0, "the older source can't be unpacked"
    env = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "BUILD", "CFLAGS", "CI")}
    made = subprocess.run(["make", "-j2", "-C", folder, "BUILD=build", "CFLAGS=-O0 -w", "WERROR="], env=env, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=600)
    assert made.returncode == 0, made.stdout[-4000:]
    open(os.path.join(folder, "built"), "w").close()
    return program
