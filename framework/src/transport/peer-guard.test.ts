import { describe, expect, it } from '@jest/globals';
import type { PeerIdentity } from '@drakkar/raftio';
import { silentLogger } from '../logging/logger.js';
import { NodeRegistry, locationAt } from './node-registry.js';
import { PeerGuard } from './peer-guard.js';

const GROUP = 7;
const peerAt = (...names: string[]): PeerIdentity => ({
  names,
  addresses: [],
  uris: [],
  commonName: undefined,
  fingerprint: names.join(),
  canServe: true,
});
const [a, printer] = [peerAt('a'), peerAt('printer')];

function setUp(inLog: Record<number, string> = {}): {
  guard: PeerGuard;
  registry: NodeRegistry;
  lines: { message: string; fields: unknown }[];
} {
  const registry = new NodeRegistry();
  registry.set(GROUP, 2, 'a:1');
  registry.set(GROUP, 3, 'b:1');
  const lines: { message: string; fields: unknown }[] = [];
  const guard = new PeerGuard({
    allowedPeers: undefined,
    registry,
    addressInLog: ({ from }) => inLog[from],
    logger: { ...silentLogger, warn: (message, fields) => lines.push({ message, fields }) },
  });
  return { guard, registry, lines };
}

const claim = (from: number): { clusterID: number; from: number; to: number } => ({
  clusterID: GROUP,
  from,
  to: 1,
});

describe('PeerGuard', () => {
  it('takes batches of a host from who has a certificate for it', () => {
    const { guard } = setUp();
    expect(guard.isSource(a, locationAt('A.:01'))).toBe(true);
    expect(guard.isSource(a, locationAt('a:99'))).toBe(true);
    expect(guard.isSource(a, locationAt('b:1'))).toBe(false);
    expect(guard.isSource(printer, locationAt('a:1'))).toBe(false);
    expect(guard.isSource(a, locationAt(''))).toBe(false);
    expect(guard.rejected).toBe(3);
  });

  it('takes messages and snapshots of a member from its host only', () => {
    const { guard } = setUp();
    expect(guard.isSender(a, locationAt('a:1'), claim(2))).toBe(true);
    expect(guard.isSender(a, locationAt('a:2'), claim(2))).toBe(true);
    expect(guard.isSender(a, undefined, claim(2))).toBe(true);
    expect(guard.isSender(a, locationAt('a:1'), claim(3))).toBe(false);
    expect(guard.isSender(printer, locationAt('printer:1'), claim(2))).toBe(false);
    expect(guard.isSender(printer, undefined, claim(2))).toBe(false);
  });

  it('goes by the newest membership: a member is where the log says before that is applied', () => {
    const { guard } = setUp({ 4: 'a:1', 5: 'b:1' });
    expect(guard.isSender(a, undefined, claim(4))).toBe(true);
    expect(guard.isSender(a, locationAt('a:1'), claim(5))).toBe(false);
  });

  it('hears a host that no membership lists, if its certificate is one of a host', () => {
    const { guard } = setUp();
    expect(guard.isSender(printer, locationAt('printer:1'), claim(9))).toBe(true);
    expect(guard.isSender({ ...printer, canServe: false }, locationAt('printer:1'), claim(9))).toBe(false);
  });

  it('forgets nothing of a connection when a member moves to another host', () => {
    const { guard, registry } = setUp();
    expect(guard.isSender(a, undefined, claim(3))).toBe(false);
    registry.set(GROUP, 3, 'a:1');
    expect(guard.isSender(a, undefined, claim(3))).toBe(true);
    for (let i = 0; i < 1_000; i++) guard.isSource(a, locationAt(`host-${i}:1`));
    expect(guard.isSource(a, locationAt('a:1'))).toBe(true);
  });

  it('drops what comes without the identity of its sender', () => {
    const { guard, lines } = setUp();
    expect(guard.isSource(undefined, locationAt('a:1'))).toBe(false);
    expect(guard.isSender(undefined, undefined, claim(2))).toBe(false);
    expect(lines[0]?.message).toMatch(/RPC-TLS-9/);
  });

  it('judges a message that has begun to arrive alike, but does not count or log it', () => {
    const { guard, lines } = setUp();
    expect(guard.isSenderOfArriving(a, claim(2))).toBe(true);
    expect(guard.isSenderOfArriving(printer, claim(9))).toBe(true);
    for (let segment = 0; segment < 100; segment++) {
      expect(guard.isSenderOfArriving(a, claim(3))).toBe(false);
      expect(guard.isSenderOfArriving({ ...printer, canServe: false }, claim(9))).toBe(false);
      expect(guard.isSenderOfArriving(undefined, claim(2))).toBe(false);
    }
    expect([guard.rejected, lines]).toEqual([0, []]);
  });

  it('logs each kind of refusal with how many there were', () => {
    const { guard, lines } = setUp();
    guard.isSource(printer, locationAt('a:1'));
    guard.isSender(printer, locationAt('printer:1'), claim(2));
    expect(lines).toMatchObject([
      { message: expect.stringMatching(/in the name of a host/), fields: { source: 'a:1' } },
      { message: expect.stringMatching(/in the name of a member/), fields: { rejectedSenders: 2 } },
    ]);
  });
});
