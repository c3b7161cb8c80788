import type { MutualTLSConfig } from '@drakkar/raftio';
import { writeTestCertificates } from '../../tls/certificates.js';
import { notApplicable, rejectsWith, same, sameList } from '../../suite/assert.js';
import { type AssemblyBench, type Member, commands, until } from '../bench.js';
import type { AssemblyCase } from './assembly-case.js';

const CASE_MS = 60_000;

function goodFiles({ site }: AssemblyBench, nodeID: number): MutualTLSConfig {
  const { good } = site.tls ?? notApplicable('the harness has no tls');
  return good[nodeID % 2 === 0 ? 0 : 1];
}

/** A host that was told to authenticate must not run without. */
async function refusesTLS(bench: AssemblyBench): Promise<void> {
  const { good } = await writeTestCertificates(bench.site.folder);
  const member = await bench.make(1, { tls: good[0] });
  const codes = ['ERR_UNSUPPORTED', 'ERR_INVALID_CONFIG'];
  await rejectsWith(member.open(bench.site), codes, 'a host with mutual TLS');
}

/** Two hosts of a deployment, and one of another that thinks it is one of theirs. */
async function startWithStranger(bench: AssemblyBench): Promise<{ ours: Member[]; stranger: Member }> {
  const { foreign } = bench.site.tls ?? notApplicable('the harness has no tls');
  let refusals = 0;
  const events = {
    connectionFailed: () => {
      refusals += 1;
    },
  };
  for (const nodeID of [1, 2])
    bench.members.push(await bench.make(nodeID, { tls: goodFiles(bench, nodeID) }));
  const stranger = await bench.make(3, { tls: foreign, events });
  const ours = [...bench.members];
  bench.members.push(stranger);
  await Promise.all(bench.members.map((member) => bench.start(member)));
  await bench.leader(ours);
  await until('the stranger to be refused by both', () => (refusals >= 2 ? true : undefined));
  return { ours, stranger };
}

export const TLS_CASES: readonly AssemblyCase[] = [
  {
    id: 'ASM-TLS-1',
    title: 'with mutual TLS a group serves, loses its leader and gets it back',
    requires: 'mutualTLS',
    run: async (bench) => {
      const members = await bench.startGroup((nodeID) => ({ tls: goodFiles(bench, nodeID) }));
      for (const member of members) await member.write({ id: `host-${member.nodeID}` });
      const leader = await bench.leader();
      await leader.stop();
      const next = await bench.leader();
      for (const command of commands('without', 10)) await next.write(command);
      await bench.start(leader);
      await leader.write({ id: 'back' });
      await bench.checkAgree(members, 14);
    },
    otherwise: refusesTLS,
    deadlineMs: CASE_MS,
  },
  {
    id: 'ASM-TLS-2',
    title: 'a host of another CA takes no part in a group, and the others go on',
    requires: 'mutualTLS',
    run: async (bench) => {
      const { ours, stranger } = await startWithStranger(bench);
      for (const member of ours) await member.write({ id: `host-${member.nodeID}` });
      await bench.checkAgree(ours, 2);
      same(stranger.machine.updates, 0, 'commands that reached the stranger');
      sameList((await ours[0]?.readIDs()) ?? [], ours[0]?.machine.ids ?? ['none'], 'commands read');
    },
    deadlineMs: CASE_MS,
  },
];
