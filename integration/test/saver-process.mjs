/**
 * Saves without end to the log in the folder argv[2], opened by the function argv[4] of the package argv[3] with the
 * options argv[5]; three replicas a call, several calls on their way, and prints the number of
 * entries a replica has after each call that resolved. Ends by being killed, or by printing what stopped it, and, if
 * the process outlives that, `alive`.
 */
import { writeSync } from 'node:fs';
import { makeEntry } from '@drakkar/raftio';

const [, , dir, packageName, opener, options, payloadBytes] = process.argv;
const open = (await import(packageName))[opener];
const CLUSTERS = [1, 2, 3];
const IN_FLIGHT = 4;
const AFTERMATH_MS = 300;
// Otherwise a file-size limit ends the process; this way it fails the write.
process.on('SIGXFSZ', () => undefined);

function say(line) {
  writeSync(1, `${line}\n`);
}

function block(first, count) {
  return Array.from({ length: count }, (_, i) =>
    makeEntry({ term: 1, index: first + i, cmd: Buffer.alloc(Number(payloadBytes), (first + i) % 251) }),
  );
}

async function saveForever(db, next) {
  const inFlight = new Set();
  for (let first = next; ;) {
    const count = 1 + (first % 20);
    const last = first + count - 1;
    const updates = CLUSTERS.map((clusterID) => ({
      clusterID,
      nodeID: 1,
      state: { term: 1, vote: 1, commit: last },
      entriesToSave: block(first, count),
      snapshot: undefined,
    }));
    const save = db.saveRaftState(updates).then(() => {
      say(`saved ${last}`);
      inFlight.delete(save);
    });
    inFlight.add(save);
    save.catch(() => undefined); // told by the first that is waited for
    first = last + 1;
    if (inFlight.size === IN_FLIGHT) await Promise.race(inFlight);
  }
}

try {
  const db = await open({ dir, walDir: dir }, JSON.parse(options));
  const found = await db.readRaftState(1, 1, 0);
  say('open');
  await saveForever(db, found === undefined ? 1 : found.firstIndex + found.entryCount);
} catch (error) {
  say(`failed ${error.code}`);
  // A rejection that the LogDB has left unhandled would end the process here.
  await new Promise((resolve) => setTimeout(resolve, AFTERMATH_MS));
  say('alive');
  process.exit(1);
}
