import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type GroupOf, NodeHost, defineRefusal, defineStateMachine } from '@drakkar/framework';

/** A lock is held for a time, and each holder has a higher token than the one before. */
interface Lock {
  owner: string;
  untilMs: number;
  token: number;
}

const Held = defineRefusal<{ owner: string }>('held');

const locks = defineStateMachine({
  initial: () => ({ locks: new Map<string, Lock>() }),
  commands: {
    acquire: (state, args: { name: string; owner: string; leaseMs: number }, { nowMs, sequence }) => {
      const { name, owner, leaseMs } = args;
      const held = state.locks.get(name);
      if (held !== undefined && held.untilMs > nowMs) throw new Held({ owner: held.owner });
      state.locks.set(name, { owner, untilMs: nowMs + leaseMs, token: sequence });
      return { token: sequence };
    },
    release: (state, { name, token }: { name: string; token: number }) =>
      state.locks.get(name)?.token === token && state.locks.delete(name),
  },
  queries: {
    owner: (state, name: string) => state.locks.get(name)?.owner,
  },
});

const dir = await mkdtemp(join(tmpdir(), 'drakkar-lock-'));
const members = { 1: '127.0.0.1:26201', 2: '127.0.0.1:26202', 3: '127.0.0.1:26203' };
const hosts: NodeHost[] = [];
const groups: GroupOf<typeof locks>[] = [];
for (const [id, raftAddress] of Object.entries(members)) {
  const nodeHostDir = join(dir, `host-${id}`);
  const host = await NodeHost.create({
    raftAddress,
    nodeHostDir,
    rttMillisecond: 20,
    log: { level: 'error' },
  });
  hosts.push(host);
  groups.push(await host.startGroup({ groupID: 1, replicaID: Number(id), members, stateMachine: locks }));
}

const [one, two] = groups as [(typeof groups)[0], (typeof groups)[0]];
const { token } = await one.commands.acquire({ name: 'printer', owner: 'ann', leaseMs: 60_000 });
console.log('ann has the lock, with a token:', token > 0);
try {
  await two.commands.acquire({ name: 'printer', owner: 'bob', leaseMs: 60_000 });
} catch (error) {
  if (!Held.is(error)) throw error;
  console.log('bob has to wait for', error.details.data.owner);
}
await one.commands.release({ name: 'printer', token });
const next = await two.commands.acquire({ name: 'printer', owner: 'bob', leaseMs: 60_000 });
console.log('bob has the lock, with a higher token:', next.token > token);
console.log('it belongs to', await one.queries.owner('printer'));

await Promise.all(hosts.map((host) => host.stop()));
await rm(dir, { recursive: true });
