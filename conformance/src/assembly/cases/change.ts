import { type LedgerCommand, encodeQuery } from '../ledger.js';
import { rejects, same, sameList, truth } from '../../suite/assert.js';
import { type AssemblyBench, CLUSTER_ID, type Member, callOptions, commands, retrying } from '../bench.js';
import type { AssemblyCase } from './assembly-case.js';

const CASE_MS = 60_000;
/** Together more than two chunks of a snapshot stream. */
const BALLAST_BYTES = 128 * 1024;
/** What is no longer held in memory, and compacted on disk, a host can't be sent any more. */
const SHORT_LOG = { compactionOverhead: 1, maxInMemLogSize: 512 * 1024 };

function heavy(prefix: string, count: number): LedgerCommand[] {
  return commands(prefix, count).map(({ id }) => ({ id, ballast: id.padEnd(BALLAST_BYTES, '.') }));
}

/** A host is away while the log behind it is compacted; gives it when it is back. */
async function missTheLog(bench: AssemblyBench): Promise<Member> {
  const members = await bench.startGroup(() => ({ group: SHORT_LOG }));
  const leader = await bench.leader();
  const lagging = members.find((member) => member !== leader) ?? leader;
  await leader.write({ id: 'before' });
  await lagging.stop();
  for (const command of heavy('heavy', 40)) await leader.write(command);
  for (const { host } of bench.running) await host.requestSnapshot(CLUSTER_ID);
  await leader.write({ id: 'after' });
  return bench.start(lagging);
}

export const CHANGE_CASES: readonly AssemblyCase[] = [
  {
    id: 'ASM-SNAP-1',
    title: 'a host that lags behind the log is sent a snapshot, and goes on from there',
    requires: 'snapshots',
    run: async (bench) => {
      const back = await missTheLog(bench);
      await bench.checkAgree(bench.members, 42);
      same(back.machine.recoveries, 1, 'snapshots that the host recovered from');
      truth(back.machine.updates < 10, `the host applied ${back.machine.updates} commands one by one`);
      await back.write({ id: 'more' });
      await bench.checkAgree(bench.members, 43);
      same((await back.readIDs()).length, 43, 'commands read through the host');
    },
    deadlineMs: CASE_MS,
  },
  {
    id: 'ASM-SNAP-2',
    title: 'a host that has taken a snapshot restarts from it and from the log behind it',
    requires: 'durable',
    run: async (bench) => {
      const members = await bench.startGroup(() => ({ group: { compactionOverhead: 1 } }));
      const leader = await bench.leader();
      for (const command of commands('before', 20)) await leader.write(command);
      await bench.checkAgree(members, 20);
      for (const { host } of members) await host.requestSnapshot(CLUSTER_ID);
      for (const command of commands('after', 5)) await leader.write(command);
      await bench.checkAgree(members, 25);
      await Promise.all(members.map((member) => member.stop()));
      await Promise.all(members.map((member) => bench.start(member)));
      await bench.checkAgree(members, 25);
      for (const { machine } of members) {
        same(machine.recoveries, 1, 'snapshots that a host recovered from');
        truth(machine.updates <= 5, `a host applied ${machine.updates} commands one by one`);
      }
    },
    deadlineMs: CASE_MS,
  },
  {
    id: 'ASM-MEMBER-1',
    title: 'a host is added, catches up and serves',
    run: async (bench) => {
      const members = await bench.startGroup();
      for (const command of commands('before', 10)) await members[0]?.write(command);
      const added = await bench.make(4, {}, true);
      await retrying('a change of the membership', async () => {
        const leader = await bench.leader();
        await leader.host.syncRequestAddNode(CLUSTER_ID, 4, added.address, 0, callOptions());
      });
      await bench.start(added);
      await bench.checkAgree([...members, added], 10);
      await added.write({ id: 'by the new one' });
      same((await added.readIDs()).length, 11, 'commands read through the new host');
      const membership = await retrying('the membership', () =>
        added.host.getClusterMembership(CLUSTER_ID, callOptions()),
      );
      sameList([...membership.nodes.keys()].sort(), [1, 2, 3, 4], 'members');
    },
    deadlineMs: CASE_MS,
  },
  {
    id: 'ASM-MEMBER-2',
    title: 'a host that is removed takes no part any more; the others go on',
    run: async (bench) => {
      const members = await bench.startGroup();
      const leader = await bench.leader();
      const gone = members.find((member) => member !== leader) ?? leader;
      const staying = members.filter((member) => member !== gone);
      await leader.write({ id: 'before' });
      await retrying('a change of the membership', () =>
        leader.host.syncRequestDeleteNode(CLUSTER_ID, gone.nodeID, 0, callOptions()),
      );
      for (const command of commands('after', 10)) await leader.write(command);
      await bench.checkAgree(staying, 11);
      truth(gone.machine.ids.length <= 1, 'the replica that was removed applied what came later');
      // It stops when it learns of its removal; the message that tells it may be lost, and then it waits in vain.
      const read = gone.host.syncRead(CLUSTER_ID, encodeQuery({ ids: true }), { timeoutMs: 2000 });
      await rejects(read, 'a read through the host that was removed');
    },
    deadlineMs: CASE_MS,
  },
];
