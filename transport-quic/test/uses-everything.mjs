/**
 * A process that opens everything a transport can open, stops, and ends by itself: distinguished from one that hangs by the test that
 * started it. Argument: the engine.
 */
import { MessageType, makeMessage } from '@drakkar/raftio';
import { makeHost } from './make-host.mjs';

const [engine, firstPort, secondPort] = process.argv.slice(2);
const never = new AbortController().signal;

const sink = () => ({ addChunk: () => new Promise(() => undefined), close: () => undefined });
const [a, b, taken] = [firstPort, secondPort, firstPort].map((port) => makeHost(engine, port, sink));
await a.start();
await b.start();
const refused = await taken.start().then(
  () => 'no error',
  ({ code }) => code,
);
await taken.stop();
const batch = {
  requests: [makeMessage({ type: MessageType.Heartbeat, from: 1, to: 2, clusterID: 3, term: 1 })],
  deploymentID: 1,
  sourceAddress: 'x',
  binVer: 210,
};
for (const [from, port] of [
  [a, secondPort],
  [b, firstPort],
]) {
  const connection = await from.getConnection(`127.0.0.1:${port}`, never);
  for (let count = 0; count < 100; count++) await connection.sendMessageBatch(batch);
  await from.getSnapshotConnection(`127.0.0.1:${port}`, never);
}
// An attempt that nobody answers, and one that was just begun.
a.getConnection('127.0.0.1:9', never).catch(() => undefined);
a.getConnection(`127.0.0.1:${secondPort}`, never).catch(() => undefined);
await Promise.all([a.stop(), b.stop()]);
process.stdout.write(`stopped, ${refused}\n`);
