import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { eventually } from './group.mjs';

/** Longer than an idle group of these times needs to fall asleep: ten election timeouts. */
const SLEEP_MS = 15_000;
const BULK_WRITES = 1500;
const BULK_READS = 900;
const BULK_AT_ONCE = 50;

/** So that neither disk nor memory of a leader has what a member has missed. */
const SNAPSHOTS = { snapshotEntries: 40, inMemLogBytes: 65_536 };
const LARGE = { blobBytes: 5_000_000, fileBytes: [3_000_000, 2_097_152, 1] };

const other = (kind) => (kind === 'ours' ? 'other' : 'ours');

async function writeFrom(group, hosts) {
  for (const host of hosts) {
    const before = Number((await group.read(host)).count);
    assert.equal(Number(await group.write(host)), before + 1);
    for (const reader of group.up) assert.equal(Number((await group.read(reader)).count), before + 1);
  }
}

async function sessions(group) {
  for (const host of group.up) {
    const { session } = await eventually('a session', () => group.call(host, 'newSession'));
    const request = { cmd: Buffer.from(`with a session of ${host.name}`).toString('hex'), session };
    const { result } = await eventually('a write', () => group.call(host, 'propose', request));
    for (const again of group.up) {
      const retried = await eventually('a retry', () => group.call(again, 'propose', request));
      assert.equal(retried.result, result, `a retry at ${again.name} gives the result of the first`);
    }
    const next = { ...session, seriesID: '2', respondedTo: '1' };
    const second = await eventually('a second write', () =>
      group.call(host, 'propose', { ...request, session: next }),
    );
    assert.equal(Number(second.result), Number(result) + 1);
    await eventually('the end of the session', () =>
      group.call(host, 'closeSession', {
        session: { ...session, seriesID: '18446744073709551615', respondedTo: '1' },
      }),
    ).catch(() => undefined); // an answer that was lost
  }
  await group.agree();
}

async function transfers(group) {
  for (const target of group.up) {
    await eventually(`leadership of ${target.name}`, async () => {
      const leader = await group.leader();
      if (leader === target) return;
      await group.call(leader, 'transfer', { nodeID: target.nodeID });
      await eventually('the transfer', async () => assert.equal(await group.leader(), target), 4000);
    });
    await writeFrom(group, [target]);
  }
}

/** Kills the leader, then a follower of the other kind. */
async function kills(group, kind) {
  for (const who of ['leader', 'follower']) {
    const leader = await group.leadBy(kind);
    const victim = who === 'leader' ? leader : group.of(other(kind))[0];
    await victim.kill();
    await group.leader();
    await writeFrom(group, [group.up[0], group.up[1]]);
    await group.restart(victim);
    await group.agree();
  }
}

/** For one kind of added member: as an observer that is promoted, and as a voting member at once. */
async function members(group, kind) {
  for (const added of ['ours', 'other']) {
    for (const observer of [true, false]) {
      const leader = await group.leadBy(kind);
      const by = group.of(observer ? kind : other(kind))[0];
      const host = await group.add(added, by, { observer });
      await group.agree();
      await writeFrom(group, [host]);
      if (observer) {
        await group.change(by, 'addNode', { nodeID: host.nodeID, address: host.address });
        await group.agreeOnMembers();
        await writeFrom(group, [host]);
      }
      await group.leadBy(kind, [leader]);
      await group.remove(host, by);
      await group.agreeOnMembers();
      await writeFrom(group, [group.up[0]]);
    }
  }
}

/** The three kinds of change in which rules of our own would differ. Each makes a member that nobody runs. */
async function rules(group, kind) {
  const leader = await group.leadBy(kind);
  const { nodes } = await group.membership(leader);
  const [someAddress] = Object.values(nodes);
  const attempt = async (op, fields) => {
    await group.call(leader, op, fields).catch((error) => {
      if (!/reject/i.test(error.message)) throw error;
    });
    return group.agreeOnMembers();
  };
  const atVoter = await attempt('addObserver', { nodeID: 91, address: someAddress });
  assert.equal(atVoter.observers['91'], someAddress, "an observer at a voting member's address is accepted");
  await attempt('removeNode', { nodeID: 91 });
  await attempt('addObserver', { nodeID: 92, address: '127.0.0.1:1' });
  const moved = await attempt('addObserver', { nodeID: 92, address: '127.0.0.1:2' });
  assert.equal(moved.observers['92'], '127.0.0.1:2', 'an observer under another address is accepted');
  await attempt('addNode', { nodeID: 92, address: '127.0.0.1:3' });
  const promoted = await group.agreeOnMembers();
  assert.equal(promoted.nodes['92'], '127.0.0.1:2', 'a promotion keeps the address of the observer');
  await attempt('removeNode', { nodeID: 92 });
  const again = await attempt('addNode', { nodeID: 92, address: '127.0.0.1:4' });
  assert.equal(again.nodes['92'], undefined, 'a removed node stays out');
}

async function bulk(group) {
  const before = Number((await group.agree()).count);
  let written = 0;
  let started = 0;
  let reads = 0;
  let answered = 0;
  const worker = async (at) => {
    while (started < BULK_WRITES) {
      started += 1;
      const host = group.up[at % group.up.length];
      const cmd = Buffer.from(`bulk ${started}`).toString('hex');
      await group.call(host, 'propose', { cmd }).then(
        () => (written += 1),
        () => undefined,
      );
      if (reads < BULK_READS) {
        reads += 1;
        await group.call(host, 'read').then(
          () => (answered += 1),
          () => undefined,
        );
      }
    }
  };
  await Promise.all(Array.from({ length: BULK_AT_ONCE }, (_, at) => worker(at)));
  const after = Number((await group.agree()).count);
  assert.ok(after >= before + written, `${written} were acknowledged, ${after - before} are there`);
  return `${written} of ${started} acknowledged, ${answered} of ${reads} reads answered`;
}

async function sleepAndWake(group) {
  for (const host of group.up) {
    await group.agree();
    await pause(SLEEP_MS);
    await writeFrom(group, [host]);
  }
}

/** A member of `kind` is away while the others write more than their logs keep. */
async function snapshot(group, kind, leaderKind) {
  const away = group.of(kind).at(-1);
  await group.leadBy(
    leaderKind,
    group.of(leaderKind).filter((host) => host !== away),
  );
  const { session } = await eventually('a session', () => group.call(group.up[0], 'newSession'));
  const request = { cmd: Buffer.from('before it was away').toString('hex'), session };
  const { result } = await eventually('a write', () => group.call(group.up[0], 'propose', request));
  await away.kill();
  for (let i = 0; i < 150; i++) {
    const cmd = Buffer.from(`while away ${i}`.padEnd(2000)).toString('hex');
    await eventually('a write', () => group.call(group.up[i % 2], 'propose', { cmd }));
  }
  await group.restart(away);
  await group.agree();
  const { recovered, files } = await group.call(away, 'local');
  assert.ok(recovered > 0, 'the state came by a snapshot');
  assert.deepEqual(
    files,
    group.fileBytes.map((size, i) => `${i + 1}:${size}:meta${i}`),
  );
  const before = (await group.agree()).count;
  await group.leadBy(kind, [away]);
  const again = await eventually('a retry', () => group.call(away, 'propose', request));
  assert.equal(again.result, result, 'the session came with the snapshot');
  assert.equal((await group.agree()).count, before, 'the retry was not applied again');
  await writeFrom(group, group.up);
}

/** Hosts of ours that were not told of the others take nothing of them, and say which option is missing. */
async function refusal(group) {
  await Promise.all(
    group.of('ours').map((host) =>
      eventually(`the refusal at ${host.name}`, async () => {
        const said = await group.call(host, 'propose', { cmd: '00' }).then(
          () => 'taken',
          (error) => error.message,
        );
        assert.match(said, /ERR_GROUP_MISMATCH.*compatibility: 'dragonboat-2.1'/);
      }),
    ),
  );
}

/** What is run in one group, under a leader of each kind. */
export const CASES = [
  { name: 'writes and reads', run: (group) => writeFrom(group, group.up) },
  { name: 'sessions retried at the other language', run: sessions },
  { name: 'transfers', run: transfers },
  { name: 'kills and restarts', run: kills },
  { name: 'members and observers', run: members },
  { name: 'membership rules', run: rules },
  { name: 'writes and reads at once', run: bulk },
  { name: 'quiesce', run: sleepAndWake, settings: { quiesce: true } },
  ...['snapshot', 'large snapshot'].flatMap((name) =>
    ['ours', 'other'].map((receiver) => ({
      name: `${name} to ${receiver === 'ours' ? 'a host of ours' : 'another host'}`,
      run: (group, kind) => snapshot(group, receiver, kind),
      settings: name === 'snapshot' ? SNAPSHOTS : { ...SNAPSHOTS, ...LARGE },
      isPossible: (kinds, kind) => kind !== receiver || kinds.filter((each) => each === receiver).length > 1,
    })),
  ),
  {
    name: 'refusal without the option',
    run: refusal,
    settings: { compatibility: 'none' },
    works: false,
    isPossible: (kinds, kind) => kind === 'other' && kinds.filter((each) => each === 'other').length > 1,
  },
];
