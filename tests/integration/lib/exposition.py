"""The text format of Prometheus, version 0.0.4, read strictly: what isn't exactly so is a fault."""
import re

NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*\Z")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\\\|\\"|\\n)*)"')
VALUE = re.compile(r"(?:[+-]?Inf|NaN|-?[0-9]+(?:\.[0-9]+)?)\Z")
TYPES = {"gauge", "counter", "histogram"}
ENDINGS = {"histogram": ("_bucket", "_sum", "_count")}
UNESCAPED = {"\\\\": "\\", '\\"': '"', "\\n": "\n"}


def labels_of(text, line):
    """`a="b",c="d"` as a dictionary."""
    found, at = {}, 0
    while at < len(text):
        m = LABEL.match(text, at)
        assert m and m[1] not in found, f"a bad label: {line}"
        found[m[1]] = re.sub(r'\\[\\"n]', lambda e: UNESCAPED[e[0]], m[2])
        at = m.end()
        if at < len(text):
            assert text[at] == "," and at + 1 < len(text), f"no comma: {line}"
            at += 1
    return found


class Exposition:
    """`families`: name -> type; `samples`: (name, labels as sorted pairs) -> number."""

    def __init__(self, text):
        assert text.endswith("\n") and "\r" not in text and "\n\n" not in text, "lines end with one line feed each"
        self.families, self.samples, self.helps = {}, {}, {}
        self.family = None
        for line in text.splitlines():
            if line.startswith("#"):
                self.comment(line)
            else:
                self.sample(line)
        assert set(self.families) == set(self.helps), set(self.families) ^ set(self.helps)
        for name in [n for n, t in self.families.items() if t == "histogram"]:
            self.histogram(name)

    def comment(self, line):
        m = re.match(r"# (HELP|TYPE) (\S+) (.+)\Z", line)
        assert m and NAME.match(m[2]), f"a comment that isn't HELP or TYPE: {line}"
        book = self.helps if m[1] == "HELP" else self.families
        assert m[2] not in book, f"told twice: {line}"
        book[m[2]] = m[3]
        if m[1] == "TYPE":
            assert m[3] in TYPES, line
            assert m[3] != "counter" or m[2].endswith("_total"), f"a counter's name ends with _total: {line}"
            self.family = m[2]

    def sample(self, line):
        m = re.match(r"([^{ ]+)(?:\{(.+)\})? (\S+)\Z", line)
        assert m and NAME.match(m[1]) and VALUE.match(m[3]), f"no sample: {line}"
        base = m[1]
        for ending in ENDINGS.get(self.families.get(self.family), ()):
            base = self.family if m[1] == self.family + ending else base
        assert base == self.family, f"not of the family before it: {line}"
        key = (m[1], tuple(sorted(labels_of(m[2] or "", line).items())))
        assert key not in self.samples, f"told twice: {line}"
        self.samples[key] = float(m[3])

    def histogram(self, name):
        buckets = [(float(dict(labels)["le"]), value) for (n, labels), value in self.samples.items()
                   if n == name + "_bucket"]
        assert buckets and buckets == sorted(buckets), f"{name}: its buckets rise"
        assert [v for _, v in buckets] == sorted(v for _, v in buckets), f"{name}: its buckets are cumulative"
        assert buckets[-1] == (float("inf"), self.samples[(name + "_count", ())]), name
        assert (name + "_sum", ()) in self.samples, name

    def get(self, name, **labels):
        """The value, or None."""
        return self.samples.get((name, tuple(sorted(labels.items()))))

    def of(self, name):
        """[(labels, value)] of all samples of that name."""
        return [(dict(labels), value) for (n, labels), value in self.samples.items() if n == name]
