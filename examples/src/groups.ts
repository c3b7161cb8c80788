import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Group, type IStateMachine, NodeHost, type SnapshotWriter } from '@drakkar/framework';

/** What is replicated: lines, in the order in which they were written. */
class Lines implements IStateMachine {
  #lines: string[] = [];

  update(cmd: Uint8Array): number {
    return this.#lines.push(Buffer.from(cmd).toString());
  }
  lookup(): Uint8Array {
    return Buffer.from(JSON.stringify(this.#lines));
  }
  async saveSnapshot(writer: SnapshotWriter): Promise<void> {
    await writer.write(this.lookup());
  }
  async recoverFromSnapshot(reader: AsyncIterable<Uint8Array>): Promise<void> {
    const parts: Uint8Array[] = [];
    for await (const part of reader) parts.push(Buffer.from(part));
    this.#lines = JSON.parse(Buffer.concat(parts).toString()) as string[];
  }
  close(): void {}
  getHash(): number {
    return 0;
  }
}

const dir = await mkdtemp(join(tmpdir(), 'drakkar-groups-'));
const addresses = [1, 2, 3, 4].map((replicaID) => `127.0.0.1:${26_100 + replicaID}`);
const hosts: NodeHost[] = [];
for (const [i, raftAddress] of addresses.entries()) {
  const nodeHostDir = join(dir, `host-${i + 1}`);
  hosts.push(
    await NodeHost.create({ raftAddress, nodeHostDir, rttMillisecond: 20, log: { level: 'error' } }),
  );
}

// Each host starts its replica; on three machines each runs its part.
const members = Object.fromEntries(addresses.slice(0, 3).map((address, i) => [i + 1, address]));
const stateMachine = (): IStateMachine => new Lines();
const groups: Group[] = [];
for (const [i, host] of hosts.slice(0, 3).entries()) {
  groups.push(await host.startGroup({ groupID: 1, replicaID: i + 1, members, stateMachine }));
}
const [group, other] = groups as [Group, Group];
group.on('membershipChanged', ({ clusterID }) =>
  console.log(`the members of group ${clusterID} have changed`),
);

// The first call waits for the election. This one may have been applied if it fails with effect: 'unknown'.
console.log('line', await group.propose(Buffer.from('a line')));

// A session repeats what timed out, and the group applies it once.
{
  await using session = await group.openSession();
  console.log('line', await session.propose(Buffer.from('a line that is written once')));
}
console.log('read', Buffer.from(await other.read(new Uint8Array())).toString());

// A fourth member: added as an observer, started, and given a vote when it has caught up.
await group.members.add({ replicaID: 4, address: addresses[3] ?? '' });
const joined = await hosts[3]?.startGroup({ groupID: 1, replicaID: 4, join: true, stateMachine });
await joined?.ready();
await group.members.promote(4, { timeoutMs: 30_000 });
console.log(
  'members',
  (await group.members.list()).map(({ replicaID, role }) => `${replicaID}: ${role}`).join(', '),
);

await group.transferLeadership(2);
console.log('leader', group.leader);
await Promise.all(hosts.map((host) => host.stop()));
await rm(dir, { recursive: true });
