/**
 * A process that gives up many attempts to connect, at every moment between their begin and their end, and connects
 * once more when it has survived that. Arguments: the engine, two ports, the number of attempts.
 */
import { makeHost } from './make-host.mjs';

const [engine, firstPort, secondPort, attempts] = process.argv.slice(2);
const AT_A_TIME = 6;

const from = makeHost(engine, firstPort);
const to = makeHost(engine, secondPort);
await from.start();
await to.start();
const target = `127.0.0.1:${secondPort}`;

async function connect(signal) {
  const startMs = performance.now();
  const connection = await from.getConnection(target, signal);
  connection.close();
  await connection.closed;
  return performance.now() - startMs;
}

/** Aborts after so long, exactly: a timer would be late by a millisecond. */
function abortAfter(ms) {
  const controller = new AbortController();
  const endMs = performance.now() + ms;
  const look = () =>
    performance.now() < endMs ? setImmediate(look) : controller.abort(new Error('given up'));
  look();
  return controller.signal;
}

const usualMs = await connect(new AbortController().signal);
let givenUp = 0;
for (let done = 0; done < Number(attempts); done += AT_A_TIME) {
  const waits = Array.from(
    { length: AT_A_TIME },
    (_, i) => ((done + i) / Number(attempts)) * 2 * usualMs * AT_A_TIME,
  );
  for (const ended of await Promise.allSettled(waits.map((ms) => connect(abortAfter(ms))))) {
    if (ended.status === 'rejected') givenUp += 1;
  }
}
await connect(new AbortController().signal);
await Promise.all([from.stop(), to.stop()]);
console.log(givenUp > 0 ? 'connected in the end' : 'nothing was given up');
