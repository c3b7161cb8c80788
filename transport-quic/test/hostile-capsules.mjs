/**
 * A process with a host of engine webtransport-h2, to which clients say everything that the HTTP/2 form of WebTransport
 * knows, wrongly. It ends with 0 if nothing was thrown where nobody catches it. Arguments: port, seed.
 */
import { connect } from 'node:http2';
import { makeHost } from './make-host.mjs';

const [port, seed] = process.argv.slice(2).map(Number);
const ROUNDS = 120;
const CAPSULE_TYPES = [...Array.from({ length: 13 }, (_, i) => 0x190b4d38 + i), 0x00, 0x2843, 0x78ae];

let state = seed;
function below(limit) {
  state = (state * 1_103_515_245 + 12_345) & 0x7fffffff;
  return (state >>> 8) % limit;
}

/** RFC 9000, section 16. */
function varint(value) {
  if (value < 2 ** 6) return Buffer.from([value]);
  if (value < 2 ** 14) return Buffer.from([0x40 | (value >>> 8), value & 0xff]);
  const long = Buffer.alloc(value < 2 ** 30 ? 4 : 8);
  if (long.length === 4) long.writeUInt32BE((value | 0x80000000) >>> 0);
  else long.writeBigUInt64BE(BigInt(value) | (3n << 62n));
  return long;
}

function capsule() {
  const numbers = Array.from({ length: below(5) }, () =>
    varint([below(8), below(70), below(20_000), below(2 ** 30), 2 ** 40 + below(100), 2 ** 61][below(6)]),
  );
  const body = Buffer.concat([...numbers, Buffer.alloc(below(2) * below(200), below(256))]);
  const length = below(10) > 0 ? body.length : below(2 ** 30);
  return Buffer.concat([varint(CAPSULE_TYPES[below(CAPSULE_TYPES.length)]), varint(length), body]);
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

async function attack() {
  const session = connect(`https://127.0.0.1:${port}`, { rejectUnauthorized: false });
  session.on('error', () => undefined);
  await new Promise((resolve) => {
    session.once('remoteSettings', resolve);
    session.once('close', resolve);
  });
  const stream = session.request({
    ':method': 'CONNECT',
    ':protocol': below(10) > 0 ? 'webtransport' : 'websocket',
    ':scheme': 'https',
    ':path': below(10) > 0 ? '/drakkar' : '/elsewhere',
    authority: 'x',
  });
  stream.on('error', () => undefined).resume();
  for (let count = 0; count < 20 && stream.writable; count++) {
    stream.write(below(4) > 0 ? capsule() : Buffer.from(Array.from({ length: below(60) }, () => below(256))));
    if (below(4) === 0) await turn();
  }
  if (below(3) === 0) stream.close(below(14));
  for (let turns = 0; turns < 5; turns++) await turn();
  session.destroy();
}

const address = `127.0.0.1:${port}`;
const engine = 'webtransport-h2';
const host = makeHost(engine, port);
await host.start();
for (let round = 0; round < ROUNDS; round++) await attack();
// It serves on.
const from = makeHost(engine, 1);
await (
  await from.getConnection(address, new AbortController().signal)
).sendMessageBatch({
  requests: [],
  deploymentID: 1,
  sourceAddress: 'x',
  binVer: 210,
});
await Promise.all([from.stop(), host.stop()]);
process.stdout.write('served on\n');
