import { describe, expect, it } from '@jest/globals';
import type { PeerIdentity } from '@drakkar/raftio';
import { isHostOfMember } from './member-host.js';
import { NodeRegistry } from './node-registry.js';

const identity = (...names: string[]): PeerIdentity => ({
  names,
  addresses: [],
  uris: [],
  commonName: undefined,
  fingerprint: 'f',
  canServe: true,
});

describe('isHostOfMember', () => {
  const registry = new NodeRegistry();
  registry.set(1, 1, 'a.example:63001');
  registry.learn(1, 2, 'b.example:63001');
  const isMember = (from: string | undefined, who?: PeerIdentity): boolean =>
    isHostOfMember({ from, identity: who, peer: '10.0.0.1:1' }, registry, undefined);

  it('goes by the address that a client gives, which a membership names', () => {
    expect(isMember('A.example:63001')).toBe(true);
    expect(isMember('b.example:63001')).toBe(false);
    expect(isMember('a.example:63002')).toBe(false);
  });

  it('goes by the certificate of a client that gives none', () => {
    expect(isMember(undefined, identity('a.example'))).toBe(true);
    expect(isMember(undefined, identity('b.example'))).toBe(false);
    expect(isMember(undefined)).toBe(false);
  });
});
