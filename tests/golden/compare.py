"""Values compared as JSON, and the table of differences that are meant to be.

Numbers are doubles (what is too large for one is null, as JSON.stringify has it) and may differ by
1e-12. differences.json lists {"case", "field", "reason"} and, where it helps, "ours": what ramet
answers instead. A difference outside the table is a failure; so is an entry of the table that was
looked at and no longer differs, or differs in another way than "ours" says.
"""

import json
import math
import sys

sys.setrecursionlimit(10000)                     # deep sessions, and json recurses
TOLERANCE = 1e-12


def number(text):
    return float(text)


def parse(text):
    return json.loads(text, parse_int=number, parse_float=number)


def load(path):
    with open(path, encoding="utf-8", newline="") as f:
        return parse(f.read())


def parse_lines(text):
    return [parse(line) for line in text.split("\n") if line]


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def same(a, b):
    if is_number(a) and math.isinf(a):
        a = None
    if is_number(b) and math.isinf(b):
        b = None
    if is_number(a) and is_number(b):
        return a == b or abs(a - b) <= TOLERANCE
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and a == b


def where(a, b, path="$"):
    """The first place where two values differ, and what stands there."""
    if isinstance(a, dict) and isinstance(b, dict):
        for key in list(a) + [k for k in b if k not in a]:
            if key not in a or key not in b:
                return f"{path}.{key}: {show(a.get(key, '(absent)'))} / {show(b.get(key, '(absent)'))}"
            if not same(a[key], b[key]):
                return where(a[key], b[key], f"{path}.{key}")
    if isinstance(a, list) and isinstance(b, list):
        for i, (x, y) in enumerate(zip(a, b)):
            if not same(x, y):
                return where(x, y, f"{path}[{i}]")
        return f"{path}: {len(a)} / {len(b)} items, expected {show(a)}, got {show(b)}"
    return f"{path}: expected {show(a)}, got {show(b)}"


def show(value):
    text = json.dumps(value)
    return text if len(text) <= 200 else text[:200] + "..."


class Results:
    """Counts per area; remembers which intended differences were met."""

    def __init__(self, table_path=None):
        self.table = {(d["case"], d["field"]): d for d in (load(table_path) if table_path else [])}
        self.met = set()
        self.looked = set()
        self.areas = {}
        self.shown = 0

    def check(self, case, field, expected, got, via=""):
        """Compare; a field of one case may be looked at through several sources."""
        key = (case, field)
        self.looked.add(key)
        equal = same(expected, got)
        listed = self.table.get(key)
        if listed and not equal:
            self.met.add(key)
            equal = "ours" not in listed or same(listed["ours"], got)
            expected = listed.get("ours")
        elif listed:
            equal = False
            expected = "(a listed difference)"
        self.count(case, equal)
        if not equal:
            self.tell(f"{case} {field}{' (' + via + ')' if via else ''}: {where(expected, got)}")
        return equal

    def fail(self, case, text):
        self.count(case, False)
        self.tell(f"{case}: {text}")

    def count(self, case, ok):
        area = self.areas.setdefault(case.split("/")[0], [0, 0])
        area[0 if ok else 1] += 1

    def tell(self, text):
        self.shown += 1
        if self.shown <= 60:
            print("FAIL " + text[:1200])

    def finish(self, note=""):
        """Print the counts; returns the exit status."""
        for key in sorted(self.table.keys() - self.looked):
            self.fail(key[0], f"{key[1]} is in differences.json but was never looked at")
        if self.shown > 60:
            print(f"... and {self.shown - 60} more")
        for area in sorted(self.areas):
            print(f"{area:<12} {self.areas[area][0]:>6} passed, {self.areas[area][1]} failed")
        if self.table:
            print(f"{len(self.met)} of {len(self.table)} intended differences met{note}")
        passed = sum(a[0] for a in self.areas.values())
        failed = sum(a[1] for a in self.areas.values())
        print(f"{passed} passed, {failed} failed")
        return 1 if failed else 0
