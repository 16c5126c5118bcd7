// The JSON reader and writer against Node's JSON, on random and damaged text.
//
//     node differential.mjs PROBE [COUNT [SEED]]
//
// PROBE is the built probe_json.c. Ends with "N passed, M failed", counted in texts.
// Both must accept or refuse alike; values must be equal, and what is written must be what
// JSON.stringify writes (but for repeated keys and the order of keys that look like numbers, which
// only JavaScript's objects change).
import { spawnSync } from 'node:child_process';

const probe = process.argv[2];
const count = Number(process.argv[3] ?? 200000);
let seed = BigInt(process.argv[4] ?? 20261121);

function next(below) {
  seed = (seed * 6364136223846793005n + 1442695040888963407n) & 0xffffffffffffffffn;
  return Number((seed >> 33n) % BigInt(below));
}
const pick = (list) => list[next(list.length)];

const f64 = new Float64Array(1);
const u64 = new BigUint64Array(f64.buffer);
function randomDouble() {
  switch (next(6)) {
    case 0: return next(1000);
    case 1: return next(1000000) / 1000;
    case 2: u64[0] = BigInt(next(2047)) << 52n; return f64[0];
    case 3: u64[0] = BigInt(next(1 << 30)); return f64[0];
    default:
      u64[0] = (BigInt(next(1 << 30)) << 34n) ^ (BigInt(next(1 << 30)) << 10n) ^ BigInt(next(1 << 30));
      return Number.isFinite(f64[0]) ? f64[0] : 0.5;
  }
}
function randomNumber() {
  switch (next(8)) {
    case 0: return pick(['-0', '0', '1e400', '-1e400', '1e-400', '12345678901234567890123', '1E5', '1e+5', '0e9',
      '2.2250738585072011e-308', '9007199254740993', '5e-324', '2.4703282292062328e-324', '1.7976931348623159e308',
      '0.1e1', '1e99999999999999999999', '0.00000000000000000000000000000000001e35', '1' + '0'.repeat(next(900)),
      '0.' + '0'.repeat(next(900)) + '1e' + next(900), '9'.repeat(1 + next(1000)) + 'e-' + next(900)]);
    case 1: return randomDouble().toPrecision(1 + next(20));
    case 2: return String(next(100000)) + pick(['', '.5', 'e3', '.25E-7', 'e-310', '.000']);
    default: return String(randomDouble());
  }
}
function randomString() {
  const parts = ['a', 'id', 'ab c', '\\n', '\\\\', '\\"', '\\/', '\\b\\f\\r\\t', '\\u0000', '\\u001f', '\\u00e9', '\\ud83d\\ude00',
    '\\ud800', '\\udc00', '\\ud800\\ud800\\udc00', '\\uD83Dx', 'é', '\u2028', '\u2029', '😀', '\u007f', '{', '}', '[', ']', ':', ',',
    '\ufeff', 'x'.repeat(next(150)), '\ufffd', '\\u2028', '\\uFFFF', '1'];
  let s = '"';
  for (let n = next(6); n > 0; n--) s += pick(parts);
  return s + '"';
}
const space = () => (next(9) ? '' : pick([' ', '\t', '\r', '  \t']));
function randomValue(depth) {
  const kind = next(depth > 5 ? 5 : 9);
  if (kind < 2) return randomString();
  if (kind < 4) return randomNumber();
  if (kind === 4) return pick(['true', 'false', 'null']);
  const items = [];
  for (let n = next(6); n > 0; n--) {
    const value = space() + randomValue(depth + 1) + space();
    items.push(kind < 7 ? value : space() + (next(3) ? randomString() : pick(['"id"', '"__proto__"', '"10"', '"9"', '""'])) + space() + ':' + value);
  }
  return kind < 7 ? `[${items.join(',')}]` : `{${items.join(',')}}`;
}
function damage(bytes) {
  const b = [...bytes];
  const odd = [...Buffer.from('"\\{}[]:,0-+.eEtfnu \t\r/'), 0xff, 0x80, 0xc3, 0xe2, 0xed, 0xa0, 0xf0, 0xf4, 0x90, 0, 1, 0x1f, 0xa0, 0xef, 0xbb, 0xbf];
  for (let n = 1 + next(3); n > 0; n--) {
    const at = next(b.length + 1);
    switch (next(4)) {
      case 0: b.splice(at, 1); break;
      case 1: b.splice(at, 0, pick(odd)); break;
      case 2: if (at < b.length) b[at] = pick(odd); break;
      default: if (!next(4)) b.length = at; else if (at < b.length) b[at] ^= 1 << next(8);
    }
  }
  return Buffer.from(b.map((c) => (c === 10 ? 32 : c)));
}

let bad = 0, accepted = 0, done = 0;
while (done < count && bad < 10) {
  const texts = [];
  for (let i = 0; i < 20000 && done + i < count; i++) {
    let t = Buffer.from(space() + randomValue(0) + space());
    if (next(2)) t = damage(t);
    texts.push(t);
  }
  const run = spawnSync(probe, { input: Buffer.concat(texts.flatMap((t) => [t, Buffer.from('\n')])), maxBuffer: 1 << 30 });
  if (run.status !== 0) throw new Error(`the probe failed: ${run.status} ${run.signal} ${run.stderr}`);
  const answers = run.stdout.toString('utf8').split('\n');
  for (const [i, t] of texts.entries()) {
    let want = 'error';
    try { want = JSON.stringify(JSON.parse(t.toString('utf8'))); accepted++; } catch { /* refused */ }
    let same = answers[i] === want;
    if (!same && want.includes('{') && answers[i] !== 'error') {
      try { same = JSON.stringify(JSON.parse(answers[i])) === want; } catch { /* not even JSON */ }
    }
    if (!same && bad++ < 10) console.log('text', JSON.stringify(t.toString('latin1')), '\n node', want, '\n ours', answers[i]);
  }
  done += texts.length;
}
console.log(`${accepted} of ${done} texts were JSON\n${done - bad} passed, ${bad} failed`);
process.exit(bad ? 1 : 0);
