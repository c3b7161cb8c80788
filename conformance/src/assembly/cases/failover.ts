import { hasErrorCode } from '@drakkar/raftio';
import { same, sameList, truth } from '../../suite/assert.js';
import { type AssemblyBench, CLUSTER_ID, type Member, commands, until } from '../bench.js';
import type { AssemblyCase } from './assembly-case.js';

const CASE_MS = 60_000;

/** Some member other than these. */
function other(bench: AssemblyBench, ...not: readonly Member[]): Member {
  const found = bench.running.find((member) => !not.includes(member));
  if (found === undefined) throw new Error('there is no other member');
  return found;
}

/** Writes one command after the other through a host until it is told to stop; gives the ids that were acknowledged. */
function writeAlong(member: Member, prefix: string): { stop: () => Promise<string[]> } {
  let isOn = true;
  const acknowledged: string[] = [];
  const done = (async () => {
    for (let i = 0; isOn; i++) {
      const id = `${prefix}-${i}`;
      try {
        await member.write({ id });
        acknowledged.push(id);
      } catch (error) {
        // What was on its way to a leader that stopped may have been applied, or not.
        if (!hasErrorCode(error, 'ERR_TIMEOUT')) throw error;
      }
    }
  })();
  done.catch(() => undefined);
  return {
    stop: async () => {
      isOn = false;
      await done;
      return acknowledged;
    },
  };
}

/** Asks again and again, as there is no promise that a transfer succeeds; one may be under way already. */
function askToHandOver(leader: Member, heir: Member): void {
  try {
    leader.host.requestLeaderTransfer(CLUSTER_ID, heir.nodeID);
  } catch (error) {
    if (!hasErrorCode(error, 'ERR_PENDING_LEADER_TRANSFER_EXIST')) throw error;
  }
}

export const FAILOVER_CASES: readonly AssemblyCase[] = [
  {
    id: 'ASM-LEADER-1',
    title: "when the leader's host stops, the others go on, and what was acknowledged is there",
    run: async (bench) => {
      await bench.startGroup();
      const leader = await bench.leader();
      const along = writeAlong(other(bench, leader), 'along');
      for (const command of commands('before', 10)) await leader.write(command);
      await leader.stop();
      const next = await bench.leader();
      truth(next !== leader, 'another host leads');
      for (const command of commands('after', 10)) await next.write(command);
      const written = await along.stop();
      const ids = await other(bench, next).readIDs();
      const wanted = [...commands('before', 10), ...commands('after', 10)].map(({ id }) => id);
      const missing = [...wanted, ...written].filter((id) => !ids.includes(id));
      sameList(missing, [], 'commands that were acknowledged and are not there');
      same(new Set(ids).size, ids.length, 'number of commands, each counted once');
      await bench.checkAgree(bench.running, ids.length);
    },
    deadlineMs: CASE_MS,
  },
  {
    id: 'ASM-LEADER-2',
    title: 'a host that was stopped comes back on its data and catches up',
    requires: 'durable',
    run: async (bench) => {
      const members = await bench.startGroup();
      const leader = await bench.leader();
      for (const command of commands('before', 10)) await leader.write(command);
      await leader.stop();
      const next = await bench.leader();
      for (const command of commands('without', 10)) await next.write(command);
      await bench.start(leader);
      await bench.checkAgree(members, 20);
      for (const command of commands('after', 10)) await leader.write(command);
      await bench.checkAgree(members, 30);
      same((await leader.readIDs()).length, 30, 'commands read through the host that is back');
    },
    deadlineMs: CASE_MS,
  },
  {
    id: 'ASM-LEADER-3',
    title: 'leadership is handed over on request',
    run: async (bench) => {
      const members = await bench.startGroup();
      const leader = await bench.leader();
      await leader.write({ id: 'before' });
      const heir = other(bench, leader);
      await until('the heir to lead', async () => {
        const now = await bench.leader();
        if (now === heir) return true;
        askToHandOver(now, heir);
        return undefined;
      });
      await heir.write({ id: 'after' });
      await bench.checkAgree(members, 2);
      sameList(await leader.readIDs(), ['before', 'after'], 'commands');
    },
    deadlineMs: CASE_MS,
  },
  {
    id: 'ASM-RESTART-1',
    title: 'when every host has stopped and started again, everything acknowledged is there',
    requires: 'durable',
    run: async (bench) => {
      const members = await bench.startGroup();
      for (const member of members) {
        for (const command of commands(`host-${member.nodeID}`, 10)) await member.write(command);
      }
      const before = await members[0]?.readIDs();
      await Promise.all(members.map((member) => member.stop()));
      await Promise.all(members.map((member) => bench.start(member)));
      await bench.leader();
      for (const member of members) {
        sameList(await member.readIDs(), before ?? [], `commands read through host ${member.nodeID}`);
      }
      await members[0]?.write({ id: 'after' });
      await bench.checkAgree(members, 31);
    },
    deadlineMs: CASE_MS,
  },
];
