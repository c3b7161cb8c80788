import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type IStateMachine, NodeHost, type SnapshotWriter, isDrakkarError } from '@drakkar/framework';

/** What is replicated: a number that each command raises by one. */
class Counter implements IStateMachine {
  #count = 0;

  update = (): number => (this.#count += 1);
  lookup = (): Uint8Array => Buffer.from(String(this.#count));
  saveSnapshot = (writer: SnapshotWriter): Promise<void> => writer.write(this.lookup());
  recoverFromSnapshot = async (reader: AsyncIterable<Uint8Array>): Promise<void> => {
    let text = '';
    for await (const chunk of reader) text += Buffer.from(chunk).toString();
    this.#count = Number(text);
  };
  close = (): void => {};
  getHash = (): number => this.#count;
}

/**
 * Asks again where that may help: there may be no leader yet, or no answer in time. For what may be done twice without
 * harm: a read, a proposal with a session, a new session. A replica that was removed or stopped says `elsewhere`.
 */
async function retrying<T>(request: () => Promise<T>, attempts = 100): Promise<T> {
  return await request().catch(async (error: unknown) => {
    if (!isDrakkarError(error) || error.retry !== 'here' || attempts <= 1) throw error;
    await delay(50);
    return await retrying(request, attempts - 1);
  });
}

const dir = await mkdtemp(join(tmpdir(), 'drakkar-counter-'));
const members = new Map([1, 2, 3].map((nodeID) => [nodeID, `127.0.0.1:${26_000 + nodeID}`]));
const hosts: NodeHost[] = [];
for (const [nodeID, raftAddress] of members) {
  const host = await NodeHost.create({
    raftAddress,
    nodeHostDir: join(dir, `node-${nodeID}`),
    rttMillisecond: 20,
    log: { level: 'warn' },
  });
  const group = { clusterID: 1, nodeID, electionRTT: 10, heartbeatRTT: 1 };
  await host.startCluster(members, false, () => new Counter(), group);
  hosts.push(host);
}

const [first] = hosts as [NodeHost];
const session = await retrying(() => first.getNewSession(1));
for (let i = 0; i < 10; i += 1) {
  console.log('raised to', await retrying(() => first.syncPropose(session, new Uint8Array())));
  session.proposalCompleted();
}
for (const host of hosts) {
  const count = await retrying(() => host.syncRead(1, new Uint8Array()));
  console.log(`${host.raftAddress} reads ${Buffer.from(count).toString()}`);
}
await Promise.all(hosts.map((host) => host.stop()));
await rm(dir, { recursive: true });
