import { describe, expect, it } from '@jest/globals';
import {
  type PeerIdentity,
  allowedPeerProblem,
  describePeer,
  isAllowedPeer,
  speaksFor,
  speaksForAddress,
} from './peer-identity.js';

const peer: PeerIdentity = {
  names: ['node-1.example', '*.cluster.example'],
  addresses: ['10.0.0.1', '2001:db8::1'],
  uris: ['spiffe://example.org/drakkar/1'],
  commonName: 'node-1',
  fingerprint: 'ab'.repeat(32),
  canServe: true,
};

describe('speaksFor', () => {
  it.each([
    'node-1.example:7',
    'NODE-1.Example.:07',
    '10.0.0.1:7',
    '[2001:0db8:0:0::1]:7',
    'any.cluster.example:7',
  ])('takes a certificate for the host of %s', (address) => {
    expect(speaksForAddress(peer, address, undefined)).toBe(true);
  });

  it.each([
    'node-2.example:7',
    'node-1.example',
    'a.node-1.example:7',
    '10.0.0.2:7',
    '[2001:db8::2]:7',
    'a.b.cluster.example:7',
    'cluster.example:7',
    '.cluster.example:7',
    'node-1:7',
    '',
    'x'.repeat(1000),
  ])('does not take it for that of %s', (address) => {
    expect(speaksForAddress(peer, address, undefined)).toBe(false);
  });

  it('lets a peer speak for the hosts that its entry grants, and no other peer', () => {
    const allowed = [
      { identity: 'URI:spiffe://example.org/drakkar/1', hosts: ['10.9.9.9', '[::1]'] },
      { identity: 'CN:somebody', hosts: ['*'] },
    ];
    expect(speaksFor(peer, '10.9.9.9', allowed)).toBe(true);
    expect(speaksFor(peer, '0:0:0:0:0:0:0:1', allowed)).toBe(true);
    expect(speaksFor(peer, '10.9.9.8', allowed)).toBe(false);
    expect(speaksFor(peer, '10.9.9.8', [{ identity: 'CN:node-1', hosts: ['*'] }])).toBe(true);
  });
});

describe('isAllowedPeer', () => {
  it.each([
    'DNS:node-1.example',
    'DNS:*.example',
    'IP:10.0.0.1',
    'IP:2001:DB8:0::1',
    'URI:spiffe://example.org/*',
    'CN:node-1',
    `SHA256:${'AB:'.repeat(31)}AB`,
  ])('finds the peer by %s', (identity) => {
    expect(allowedPeerProblem(identity)).toBeUndefined();
    expect(isAllowedPeer(peer, [{ identity: 'CN:x' }, { identity }])).toBe(true);
  });

  it.each(['DNS:node-2.example', 'DNS:*.1.example', 'IP:10.0.0.11', 'URI:spiffe://example.org/', 'CN:node'])(
    'does not find it by %s',
    (identity) => {
      expect(isAllowedPeer(peer, [{ identity }])).toBe(false);
    },
  );

  it('allows all of the CA without a list, and nobody by an empty one', () => {
    expect(isAllowedPeer(peer, undefined)).toBe(true);
    expect(isAllowedPeer(peer, [])).toBe(false);
  });

  it.each([
    'node-1',
    'dns:a',
    'DNS:',
    'DNS:a*',
    'DNS:*.*.a',
    'URI:*x',
    'IP:node-1',
    'SHA256:abc',
    'CN:*',
    'EMAIL:a',
  ])('reports what is wrong with %s', (identity) => {
    expect(allowedPeerProblem(identity)).toMatch(/^(must|has)/);
  });
});

describe('describePeer', () => {
  it('is bounded', () => {
    const names = Array.from({ length: 1000 }, (_, i) => `${i}`.padEnd(5000, 'x'));
    expect(describePeer({ ...peer, names }).length).toBeLessThan(600);
    expect(describePeer({ ...peer, names: [], addresses: [], uris: [] })).toContain('names no host');
  });
});
