#!/usr/bin/env python3
"""A checker of V2 sidecars that shares no code with the library: written from the format's
description (docs/format/pirust-v2.md), Python's library only.

    check_sidecar.py SESSION.jsonl [--modes]

Prints what is wrong, a line each, and exits with 1 if anything is. --modes also wants directories
0700 and files 0600, as the later original does. Used as a module: check(path, modes=False).
"""
import hashlib
import json
import os
import re
import stat
import sys

TYPES = {"message", "model_change", "thinking_level_change", "compaction", "branch_summary",
         "label", "session_info", "custom"}
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z")
ID = re.compile(r"[A-Za-z0-9_-]{1,128}\Z")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\Z")
FRAME = ["schema", "segmentSeq", "frameSeq", "entrySeq", "entryId", "parentEntryId", "entryType",
         "timestamp", "payloadSha256", "payloadBytes", "payload"]
ROW = ["schema", "entrySeq", "entryId", "segmentSeq", "frameSeq", "byteOffset", "byteLength", "crc32c", "state"]
EVENT = ["schema", "migrationId", "phase", "at", "sourcePath", "targetPath", "sourceFormat", "targetFormat",
         "verification", "outcome", "correlationId"]
PHASES = {"planned", "staging_copy", "integrity_check", "cutover_commit", "rollback", "completed", "failed"}
INVARIANTS = ["parentLinksClosed", "monotonicEntrySeq", "monotonicSegmentSeq", "indexWithinSegmentBounds",
              "branchHeadsIndexed", "checkpointsMonotonic", "hashChainValid"]
CHECKPOINT = ["schema", "checkpointSeq", "at", "headEntrySeq", "headEntryId", "snapshotRef",
              "compactedBeforeEntrySeq", "chainHash", "reason"]

TABLE = []
for n in range(256):
    for _ in range(8):
        n = (n >> 1) ^ (0x82F63B78 if n & 1 else 0)
    TABLE.append(n)


def crc32c(data):
    c = 0xFFFFFFFF
    for byte in data:
        c = TABLE[(c ^ byte) & 255] ^ (c >> 8)
    return f"{c ^ 0xFFFFFFFF:08X}"


assert crc32c(b"123456789") == "E3069283"


def sha(data):
    return hashlib.sha256(data).hexdigest()


def read(path):
    with open(path, "rb") as f:
        return f.read()


class Wrong(Exception):
    pass


def want(ok, *text):
    if not ok:
        raise Wrong(" ".join(str(t) for t in text))


def once(pairs):
    want(len({k for k, _ in pairs}) == len(pairs), "a key stands twice")
    return dict(pairs)


def parse(text):
    return json.loads(text.decode("utf-8"), object_pairs_hook=once)


def payload_of(line):
    """The bytes of the payload value: the last member of a frame."""
    at = line.index(b',"payload":') + len(b',"payload":')
    want(line.endswith(b"}\n"), "a frame does not end as one")
    return line[at:-2]


def check_modes(root):
    for folder, _, names in os.walk(root):
        st = os.lstat(folder)
        want(stat.S_ISDIR(st.st_mode) and stat.S_IMODE(st.st_mode) == 0o700, folder, "is not 0700")
        for name in names:
            st = os.lstat(os.path.join(folder, name))
            want(stat.S_ISREG(st.st_mode), name, "is no regular file")
            want(stat.S_IMODE(st.st_mode) == 0o600, name, "is not 0600")


def segments_of(root):
    names = sorted(n for n in os.listdir(os.path.join(root, "segments")) if re.fullmatch(r"\d{16}\.seg", n))
    want(names == [f"{i + 1:016}.seg" for i in range(len(names))], "segments are not numbered from 1:", names)
    return [read(os.path.join(root, "segments", n)) for n in names]


def check_frames(root):
    """All frames with their rows: (entries, facts)."""
    index = os.path.join(root, "index", "offsets.jsonl")
    rows = read(index) if os.path.exists(index) else b""
    want(not rows or rows.endswith(b"\n"), "the index ends in the middle of a row")
    segments, at, total = segments_of(root), {}, 0
    chain, crc, entries = "0" * 64, "00000000", []
    for i, text in enumerate(rows.split(b"\n")[:-1], 1):
        row = parse(text)
        want(list(row) == ROW, "row", i, "has other keys")
        want(row["schema"] == "pi.session_store_v2.offset_index.v1" and row["state"] == "active", "row", i)
        want(json.dumps(row, separators=(",", ":")).encode() == text, "row", i, "is not compact")
        n = row["segmentSeq"]
        want(row["entrySeq"] == i and n == max(1, len(at)) or n == len(at) + 1, "row", i, "is out of order")
        offset, frame = at.get(n, (0, 0))
        want(row["byteOffset"] == offset and row["frameSeq"] == frame + 1, "row", i, "leaves a gap")
        line = segments[n - 1][offset:offset + row["byteLength"]]
        want(len(line) == row["byteLength"] and line.endswith(b"\n"), "row", i, "reaches beyond its segment")
        crc = crc32c(line)
        want(crc == row["crc32c"], "row", i, "has another checksum")
        want(line.count(b"\n") == 1, "frame", i, "is not one line")
        f, payload = parse(line), payload_of(line)
        want([k for k in FRAME if k in f] == list(f) and len(f) >= len(FRAME) - 1, "frame", i, "has other keys")
        want(f["schema"] == "pi.session_store_v2.segment_frame.v1", "frame", i, "schema")
        want((f["segmentSeq"], f["frameSeq"], f["entrySeq"], f["entryId"])
             == (n, frame + 1, i, row["entryId"]), "frame", i, "is not the one of its row")
        want(ID.match(f["entryId"]) and f["entryType"] in TYPES and TIME.match(f["timestamp"]), "frame", i)
        want(f["payloadBytes"] == len(payload) and f["payloadSha256"] == sha(payload), "frame", i, "payload")
        e = f["payload"]
        want(e["id"] == f["entryId"] and e["type"] == f["entryType"]
             and e.get("parentId") == f.get("parentEntryId"), "frame", i, "and payload differ")
        want("parentEntryId" not in f or f["parentEntryId"], "frame", i, "parent")
        chain = sha((chain + f["payloadSha256"]).encode())
        total += len(line)
        at[n] = (offset + len(line), frame + 1)
        entries.append((e, payload))
    for n, data in enumerate(segments, 1):
        want(at.get(n, (0, 0))[0] == len(data) > 0, "segment", n, "has bytes that no row covers")
    return entries, {"chain": chain, "crc": crc, "bytes": total, "segments": len(segments)}


def check_graph(entries):
    ids = [e["id"] for e, _ in entries]
    want(len(set(ids)) == len(ids), "an id stands twice")
    parents = {e["id"]: e.get("parentId") for e, _ in entries}
    kids = {}
    for id_, parent in parents.items():
        want(parent is None or parent in parents, id_, "has a parent that is not there")
        kids[parent] = kids.get(parent, 0) + (parent is not None)
        seen = 0
        while parent is not None and seen <= len(ids):
            parent, seen = parents[parent], seen + 1
        want(seen <= len(ids), id_, "is its own ancestor")
    return sum(n > 1 for n in kids.values())


def check_manifest(root, header, entries, facts, branches):
    text = read(os.path.join(root, "manifest.json"))
    m = parse(text)
    want(json.dumps(m, indent=2, ensure_ascii=False).encode() == text, "the manifest has another layout")
    kinds = [e["type"] for e, _ in entries]
    head = {"segmentSeq": facts["segments"], "entrySeq": len(entries), "entryId": entries[-1][0]["id"] if entries else ""}
    hashed = m["integrity"]["manifestHash"]
    should = {
        "schema": "pi.session_store_v2.manifest.v1", "storeVersion": 2, "sessionId": header["id"],
        "sourceFormat": "jsonl_v3", "createdAt": m["createdAt"], "updatedAt": m["updatedAt"], "head": head,
        "counters": {"entriesTotal": len(entries), "messagesTotal": kinds.count("message"), "branchesTotal": branches,
                     "compactionsTotal": kinds.count("compaction"), "bytesTotal": facts["bytes"]},
        "files": {"segmentDir": "segments/", "segmentCount": facts["segments"], "indexPath": "index/offsets.jsonl",
                  "checkpointDir": "checkpoints/", "migrationLedgerPath": "migrations/ledger.jsonl"},
        "integrity": {"chainHash": facts["chain"], "manifestHash": "", "lastCrc32c": facts["crc"]},
        "invariants": {name: True for name in INVARIANTS}}
    compact = json.dumps(should, separators=(",", ":"), ensure_ascii=False).encode()
    want(hashed == sha(compact), "the manifest's hash is", hashed, "not", sha(compact))
    should["integrity"]["manifestHash"] = hashed
    want(json.dumps(m) == json.dumps(should), "the manifest says something else than the frames")
    want(TIME.match(m["createdAt"]) and TIME.match(m["updatedAt"]) and UUID.match(m["sessionId"]), "manifest")


def check_state(root, path):
    text = read(os.path.join(root, "source-state.json"))
    want(len(text) <= 4096 and text.endswith(b"\n"), "source state")
    s, data, st = parse(text), read(path), os.stat(path)
    want(s["schema"] == "pi.session_store_v2.source_state.v1" and s["state"] == "clean", "state is", s["state"])
    p = s["sourceFingerprint"]
    want(p["byteLength"] == len(data) and p["sha256"] == sha(data), "the fingerprint is of another file")
    if "fileIdentity" in p:
        i = p["fileIdentity"]
        want((i["device"], i["inode"], i["changeTimeSeconds"] * 10**9 + i["changeTimeNanoseconds"])
             == (st.st_dev, st.st_ino, st.st_ctime_ns), "the file identity is of another file")


def check_ledger(root):
    path = os.path.join(root, "migrations", "ledger.jsonl")
    text = read(path) if os.path.exists(path) else b""
    want(not text or text.endswith(b"\n"), "the ledger ends in the middle of an event")
    for line in text.split(b"\n")[:-1]:
        e = parse(line)
        want([k for k in e if k != "errorClass"] == EVENT, "event has other keys")
        want(UUID.match(e["migrationId"]) and e["phase"] in PHASES and TIME.match(e["at"]), "event", e)
        want(re.match(r"[A-Za-z0-9._:-]{8,128}\Z", e["correlationId"]), "event", e)
        want(list(e["verification"]) == ["entryCountMatch", "hashChainMatch", "indexConsistent"], "event", e)


def check_checkpoints(root, entries):
    folder, last = os.path.join(root, "checkpoints"), 0
    for name in sorted(n for n in os.listdir(folder) if re.fullmatch(r"\d{16}\.json", n)):
        text = read(os.path.join(folder, name))
        c, chain = parse(text), "0" * 64
        want(json.dumps(c, indent=2).encode() == text and list(c) == CHECKPOINT, name, "has another layout")
        want(c["checkpointSeq"] == int(name[:16]) and c["snapshotRef"] == "checkpoints/" + name, name)
        want(last <= c["headEntrySeq"] <= len(entries), name, "is of another store")
        last = c["headEntrySeq"]
        for _, payload in entries[:last]:
            chain = sha((chain + sha(payload)).encode())
        want(chain == c["chainHash"] and c["headEntryId"] == entries[last - 1][0]["id"], name, "chain")


def source_entries(path):
    lines = [line for line in read(path).split(b"\n") if line.strip()]
    return parse(lines[0]), lines[1:]


def check(path, modes=False, fresh=True):
    """What is wrong with the sidecar of this session: a list of texts."""
    root = os.path.splitext(path)[0] + ".v2"
    try:
        header, lines = source_entries(path)
        if modes:
            check_modes(root)
        entries, facts = check_frames(root)
        branches = check_graph(entries)
        check_manifest(root, header, entries, facts, branches)
        check_ledger(root)
        check_checkpoints(root, entries)
        if fresh:
            want(len(lines) == len(entries), "the JSONL has", len(lines), "entries, the sidecar", len(entries))
            for i, (line, (_, payload)) in enumerate(zip(lines, entries), 1):
                e = parse(line)
                want("id" not in e or parse(payload) == e, "entry", i, "is another in the JSONL")
            check_state(root, path)
        strays = set(os.listdir(root)) - {"manifest.json", "source-state.json", "store.mutation.lock", "segments",
                                          "index", "checkpoints", "migrations", "tmp"}
        want(not strays, "strays:", strays)
    except (Wrong, OSError, ValueError, KeyError, TypeError, IndexError) as e:
        return [f"{type(e).__name__}: {e}"]
    return []


if __name__ == "__main__":
    found = check(sys.argv[1], "--modes" in sys.argv[2:])
    print("\n".join(found) if found else "sound")
    sys.exit(bool(found))
