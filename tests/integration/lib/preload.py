"""Faults from outside: a small library in front of libc, built here, that the daemon alone is started with."""
import os
import shutil
import subprocess

from harness import Skip


def build(p, name, source):
    """The path of the library; skips where there is no compiler."""
    compiler = next((c for c in ("cc", "gcc", "clang") if shutil.which(c)), None)
    if not compiler:
        raise Skip("there is no C compiler")
    text, library = p.path(name + ".c"), p.path(name + ".so")
    with open(text, "w") as f:
        f.write(source)
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, text, "-ldl"], check=True)
    if b"__asan_init" in open(os.environ["ROTA"], "rb").read():
        raise Skip("the sanitizers want to be the first library")
    return library
