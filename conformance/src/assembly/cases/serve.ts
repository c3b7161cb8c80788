import { type RegisterOperation, checkLinearizableRegister } from '@drakkar/linearizability';
import { fail, same, sameList } from '../../suite/assert.js';
import { type Member, commands } from '../bench.js';
import type { AssemblyCase } from './assembly-case.js';

const MIB = 1024 * 1024;
const CASE_MS = 60_000;

/** Reads and writes through one host, one call after the other. */
async function useRegister(member: Member, count: number): Promise<RegisterOperation[]> {
  const history: RegisterOperation[] = [];
  for (let i = 0; i < count; i++) {
    const key = `r${i % 2}`;
    const value = `${member.nodeID}.${i}`;
    const invokedAt = performance.now();
    const isPut = (i >> 1) % 2 === 0;
    if (isPut) await member.write({ id: value, key, value });
    const seen = isPut ? value : ((await member.read({ key })) as string | null);
    history.push({
      key,
      kind: isPut ? 'put' : 'get',
      value: seen ?? undefined,
      invokedAt,
      returnedAt: performance.now(),
      client: member.nodeID,
    });
  }
  return history;
}

export const SERVE_CASES: readonly AssemblyCase[] = [
  {
    id: 'ASM-SERVE-1',
    title: 'what any host is given is applied by all, once, in one order',
    run: async (bench) => {
      const members = await bench.startGroup();
      const given = members.map((member) => ({ member, list: commands(`host-${member.nodeID}`, 20) }));
      await Promise.all(
        given.map(async ({ member, list }) => {
          for (const command of list) await member.write(command);
        }),
      );
      await bench.checkAgree(members, 60);
      for (const { member, list } of given) {
        const ids = (await member.readIDs()).filter((id) => id.startsWith(`host-${member.nodeID}-`));
        sameList(
          ids,
          list.map(({ id }) => id),
          `commands of host ${member.nodeID}`,
        );
      }
      same(members[0]?.machine.ids.length, 60, 'number of commands applied');
    },
    deadlineMs: CASE_MS,
  },
  {
    id: 'ASM-SERVE-2',
    title: 'reads through any host are linearizable',
    run: async (bench) => {
      const members = await bench.startGroup();
      const histories = await Promise.all(members.map((member) => useRegister(member, 32)));
      const result = checkLinearizableRegister(histories.flat());
      if (result.verdict === 'violation') fail(result.message);
      same(result.verdict, 'ok', 'verdict on the history');
    },
    deadlineMs: CASE_MS,
  },
  {
    id: 'ASM-SERVE-3',
    title: 'large commands, and many at a time, are applied by all',
    run: async (bench) => {
      const members = await bench.startGroup();
      const leader = await bench.leader();
      const large = commands('large', 4).map(({ id }) => ({ id, ballast: id.padEnd(MIB, '.') }));
      await Promise.all([...large, ...commands('small', 200)].map((command) => leader.write(command)));
      await bench.checkAgree(members, 204);
      same(new Set(leader.machine.ids).size, 204, 'different commands applied');
    },
    deadlineMs: CASE_MS,
  },
];
