import { afterEach, describe, expect, it } from '@jest/globals';
import { type NodeHost, SeededRandom, importSnapshot } from '@drakkar/framework';
import { MACHINE_CONFIG, MemoryMachine, atEveryCrash } from './memory-machine.js';
import { CLUSTER, Journal, clusterConfig, codeOf, retrying } from './support.js';

const MEMBERS = new Map([[1, 'machine-1:1000']]);
const hosts: NodeHost[] = [];
afterEach(async () => {
  await Promise.all(hosts.splice(0).map((host) => host.stop().catch(() => undefined)));
});

/** Opens the host on a machine for as long as `use` takes, whatever becomes of its disk. */
async function withHost<T>(machine: MemoryMachine, use: (host: NodeHost) => Promise<T>): Promise<T> {
  const host = await machine.open();
  hosts.push(host);
  try {
    return await use(host);
  } finally {
    await host.stop().catch(() => undefined);
  }
}

async function startFirst(host: NodeHost): Promise<Journal> {
  const journal = new Journal();
  await host.startCluster(MEMBERS, false, () => journal, clusterConfig(1));
  await host.waitReady(CLUSTER, { timeoutMs: 60_000 });
  return journal;
}

async function write(host: NodeHost, line: string): Promise<void> {
  await retrying(() => host.syncPropose(host.getNoOPSession(CLUSTER), Buffer.from(line)));
}

/** The lines of the group as it starts on a machine; `join` tells how it came to be. */
function linesOn(machine: MemoryMachine): Promise<string[]> {
  return withHost(machine, async (host) => {
    const journal = new Journal();
    await host.startCluster(new Map(), false, () => journal, clusterConfig(1));
    await host.waitReady(CLUSTER, { timeoutMs: 60_000 });
    return [...journal.lines];
  });
}

/** The message of what is thrown; a disk without power throws errors of the file system. */
async function failureOf(call: () => Promise<unknown>): Promise<string> {
  return await call().then(
    () => 'none',
    (error: unknown) => String(error),
  );
}

/** After a power failure what was not synced may be there, or not. */
const anything = (round: number): SeededRandom => new SeededRandom(round);

describe('importSnapshot on a machine that loses its power', () => {
  it('leaves the old replica or the new one, at whichever step, and can be repeated', async () => {
    const machine = new MemoryMachine();
    await withHost(machine, async (host) => {
      await startFirst(host);
      for (const line of ['a', 'b']) await write(host, line);
      await host.requestSnapshot(CLUSTER);
      await write(host, 'c');
      await host.exportSnapshot(CLUSTER, '/backup');
      await write(host, 'd');
      await host.requestSnapshot(CLUSTER);
      await write(host, 'e');
    });
    const outcomes = new Set<string>();
    const repair = async ({ overrides }: MemoryMachine): Promise<void> => {
      await importSnapshot(MACHINE_CONFIG, '/backup', MEMBERS, 1, { overrides, allowOlder: true });
    };
    const operations = await atEveryCrash(
      machine,
      anything,
      async (victim) => await repair(victim),
      async (after, done) => {
        const found = (await linesOn(after)).join('');
        outcomes.add(found);
        expect(done ? ['abc'] : ['abcde', 'abc']).toContain(found);
        await repair(after);
        expect((await linesOn(after)).join('')).toBe('abc');
        const folders = await after.disk.readDir('/data/snapshots/1-1');
        expect(folders).toHaveLength(1);
      },
    );
    expect(operations).toBeGreaterThan(20);
    expect([...outcomes].sort()).toEqual(['abc', 'abcde']);
  }, 150_000);
});

describe('exportSnapshot on a machine that loses its power', () => {
  it('leaves a whole export of that name, or none, at whichever step', async () => {
    const machine = new MemoryMachine();
    await withHost(machine, async (host) => {
      await startFirst(host);
      await write(host, 'a');
    });
    const outcomes = new Set<string>();
    // What else a running host does to its disk differs from time to time, so operations are counted from the call.
    for (let ahead = 1, done = false; !done; ahead++) {
      expect(ahead).toBeLessThan(500);
      const victim = machine.restart('all');
      done = await withHost(victim, async (host) => {
        await startFirst(host);
        victim.disk.crashAt = victim.disk.operations.length + ahead;
        return (await failureOf(() => host.exportSnapshot(CLUSTER, '/backup/one'))) === 'none';
      });
      const after = victim.restart(anything(ahead));
      const there = (await after.disk.stat('/backup/one')) !== undefined;
      outcomes.add(`${done} ${there}`);
      if (there) {
        const { overrides } = after;
        await importSnapshot(MACHINE_CONFIG, '/backup/one', MEMBERS, 1, { overrides, allowOlder: true });
      }
      expect(await linesOn(after)).toContain('a');
    }
    expect([...outcomes].sort().filter((each) => each !== 'false true')).toEqual([
      'false false',
      'true true',
    ]);
  }, 150_000);
});

describe('removeData on a machine that loses its power', () => {
  it('never leaves a node that can be started again without its data, at whichever step', async () => {
    const machine = new MemoryMachine();
    await withHost(machine, async (host) => {
      await startFirst(host);
      await write(host, 'a');
      await host.requestSnapshot(CLUSTER);
      await write(host, 'b');
    });
    const outcomes = new Set<string>();
    const remove = (victim: MemoryMachine): Promise<void> =>
      withHost(victim, (host) => host.removeData(CLUSTER, 1));
    const starts: [ReadonlyMap<number, string>, boolean][] = [
      [MEMBERS, false],
      [new Map(), true],
      [new Map(), false],
    ];
    await atEveryCrash(machine, anything, remove, async (after, done) => {
      for (const [members, join] of starts) {
        // Each on a copy: one start may complete the removal, another must find it as the crash left it.
        const outcome = await withHost(after.restart('all'), async (host) => {
          const journal = new Journal();
          const code = await codeOf(() => host.startCluster(members, join, () => journal, clusterConfig(1)));
          if (code === 'no error') await host.waitReady(CLUSTER, { timeoutMs: 60_000 });
          return code === 'no error' ? journal.lines.join('') : code;
        });
        // As before, with all that it had, or refused. The join of a first member is refused in any case.
        const kept = join ? 'ERR_INVALID_CLUSTER_SETTINGS' : 'ab';
        expect(done ? ['ERR_NODE_REMOVED'] : [kept, 'ERR_NODE_REMOVED']).toContain(outcome);
        outcomes.add(outcome);
      }
      await remove(after);
      await withHost(after, async (host) => {
        expect(await host.hasNodeInfo(CLUSTER, 1)).toBe(false);
        expect(await after.disk.readDir('/data/snapshots')).toEqual([]);
        const start = host.startCluster(MEMBERS, false, () => new Journal(), clusterConfig(1));
        expect(await codeOf(() => start)).toBe('ERR_NODE_REMOVED');
      });
    });
    expect([...outcomes].sort()).toEqual(['ERR_INVALID_CLUSTER_SETTINGS', 'ERR_NODE_REMOVED', 'ab']);
  }, 150_000);
});
