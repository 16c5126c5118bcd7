#!/usr/bin/env python3
"""yoi's logs, checked from the description of the format alone (standard library only).

    tests/interop/check_yoi.py FILE...     exit 0: every file is as yoi writes it

Hashed logs: on the raw bytes of each line the hash is SHA-256 of the hash before and "{" with all
that stands behind prev_hash; every line follows the one before. All logs: each line is one object
without duplicate members, with a known kind, a time, that kind's members in yoi's order and of the
right type, no white space, no lone surrogates, no escapes yoi would not write, and in hashed text no
number with an exponent.
"""

import hashlib
import json
import re
import sys

LINE = re.compile(rb'\{"hash":"([0-9a-f]{64})","prev_hash":(?:null|"([0-9a-f]{64})"),(.*)$', re.S)
OURS = "ramet"

ORDER = {
    "session_start": ["system_prompt", "config", "history", "forked_from?", "compacted_from?"],
    "segment_start": ["session_id", "system_prompt", "config", "history", "forked_from?",
                      "compacted_from?"],
    "user_input": ["item?", "segments?", "extensions?"],
    "assistant_items": ["items"], "tool_results": ["items"], "hook_injected_items": ["items"],
    "system_items": ["items"], "assistant_item": ["item"], "tool_result": ["item"],
    "system_item": ["item"], "invoke": ["trigger"], "turn_end": ["turn_count"],
    "run_completed": ["interrupted", "result"], "run_errored": ["interrupted", "message"],
    "paused_turn_abandoned": [], "config_changed": ["config"],
    "llm_usage": ["history_len", "input_total_tokens", "cache_read_tokens", "cache_write_tokens",
                  "output_tokens"],
    "extension": ["domain", "payload"],
}
CONFIG = ["max_tokens", "temperature", "top_p", "top_k", "stop_sequences", "reasoning"]
ITEMS = {
    "message": ["id?", "role", "content", "status?"],
    "tool_call": ["id?", "call_id", "name", "arguments", "status?"],
    "tool_result": ["id?", "call_id", "summary", "content?", "attachments?", "is_error?"],
    "reasoning": ["id?", "text", "summary?", "encrypted_content?", "signature?", "status?"],
}
G2_ONLY = {"segment_start", "paused_turn_abandoned"}


def check_chain(path):
    """What is wrong with the chain."""
    bad, head = [], None
    with open(path, "rb") as f:
        text = f.read()
    for no, line in enumerate(text.split(b"\n"), 1):
        if not line.strip():
            continue
        m = LINE.match(line)
        if not m:
            bad.append(f"{no}: not a canonical hashed line")
            continue
        want, prev = m[1].decode(), m[2] and m[2].decode()
        got = hashlib.sha256((bytes.fromhex(prev) if prev else bytes(32)) + b"{" + m[3]).hexdigest()
        if got != want:
            bad.append(f"{no}: hash mismatch")
        if prev != head:
            bad.append(f"{no}: prev_hash {prev} does not follow {head}")
        head = want
    return bad


def pairs(items):
    keys = [k for k, _ in items]
    if len(set(keys)) != len(keys):
        raise ValueError("duplicate member")
    return dict(items)


def in_order(keys, order):
    """Are the keys those of the order, which marks with ? what may be missing?"""
    rest = list(keys)
    for name in order:
        if rest and rest[0] == name.rstrip("?"):
            rest.pop(0)
        elif not name.endswith("?"):
            return False
    return not rest


def check_item(item, tag):
    if list(item)[:1] != [tag] or item[tag] not in ITEMS:
        return f"item {str(item)[:60]} has not tag {tag}"
    if not in_order(list(item)[1:], ITEMS[item[tag]]):
        return f"members of {item[tag]}: {list(item)}"
    if tag == "kind" and ("id" in item or "status" in item):
        return "id or status in a kind-tagged item"
    return None


def items_of(o):
    if o["kind"] in ("system_item", "system_items"):
        return []
    found = list(o.get("history", [])) + list(o.get("items", []))
    return found + ([o["item"]] if "item" in o else [])


def check_record(text, hashed):
    o = json.loads(text, object_pairs_hook=pairs)
    keys = [k for k in o if k != OURS]
    if keys[:2] != ["kind", "ts"] or o["kind"] not in ORDER:
        return [f"begins with {keys[:2]}, kind {o.get('kind')}"]
    bad = []
    if not isinstance(o["ts"], int) or o["ts"] < 0:
        bad.append("ts")
    if not in_order(keys[2:], ORDER[o["kind"]]):
        bad.append(f"members of {o['kind']}: {keys}")
    if "config" in o and list(o["config"]) != CONFIG:
        bad.append(f"config: {list(o['config'])}")
    if hashed and o["kind"] in G2_ONLY:
        bad.append(f"{o['kind']} in a hashed log")
    found = items_of(o)
    tags = {"type" if "type" in x else "kind" for x in found}
    if len(tags) > 1:
        bad.append("both tags")
    bad += [b for x in found for b in [check_item(x, tags.copy().pop())] if b]
    payload = o.get("payload")
    if payload is not None and json.dumps(payload) != json.dumps(payload, sort_keys=True):
        bad.append("payload is not sorted")
    return bad


def check_text(text, hashed):
    bare = re.sub(r'"(?:[^"\\]|\\.)*"', '""', text)
    bad = []
    if re.search(r"\s", bare):
        bad.append("white space between tokens")
    if hashed and re.search(r"\d[eE]", bare):
        bad.append("an exponent in hashed text")
    if re.search(r"(?<!\\)(?:\\\\)*\\u[dD][89a-fA-F]", text):
        bad.append("a surrogate escape")
    if re.search(r'(?<!\\)(?:\\\\)*\\u00(?!0[0-7be-f]|1[0-9a-f])', text):
        bad.append("an escape that yoi does not write")
    return bad


def check(path):
    """Everything that is wrong with a log."""
    with open(path, "rb") as f:
        data = f.read()
    hashed = data.startswith(b'{"hash"')
    bad = check_chain(path) if hashed else []
    if data and not data.endswith(b"\n"):
        bad.append("no newline at the end")
    for no, line in enumerate(data.split(b"\n")[:-1], 1):
        m = LINE.match(line) if hashed else None
        text = (b"{" + m[3] if m else line).decode()
        try:
            wrong = check_record(text, hashed) + check_text(text, hashed)
        except (ValueError, KeyError, TypeError, AttributeError) as e:
            wrong = [repr(e)]
        bad += [f"{no}: {w}" for w in wrong]
    return bad


def main():
    n = 0
    for path in sys.argv[1:]:
        for text in check(path):
            print(f"{path}:{text}")
            n += 1
    return n != 0


if __name__ == "__main__":
    sys.exit(main())
