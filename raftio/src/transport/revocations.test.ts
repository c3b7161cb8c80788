import { X509Certificate } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { Revocations } from './revocations.js';
import { type Leaf, TestCA } from './testing/certificates.js';

let ca: TestCA;
let other: TestCA;
let revoked: Leaf;
let good: Leaf;

beforeAll(async () => {
  [ca, other] = [await TestCA.create('deployment'), await TestCA.create('deployment')];
  [revoked, good] = [await ca.issue(), await ca.issue()];
});

const parse = (pem: string): Revocations => Revocations.parse(Buffer.from(pem));
const isRevoked = (list: Revocations, { certificate }: Leaf, issuers: readonly TestCA[]): boolean =>
  list.isRevoked(
    new X509Certificate(certificate),
    issuers.map(({ pem }) => new X509Certificate(pem)),
  );

describe('Revocations', () => {
  it('names the certificates that their CA has revoked, and no others', async () => {
    const list = parse(await ca.revoke([revoked]));
    expect(isRevoked(list, revoked, [other, ca])).toBe(true);
    expect(isRevoked(list, good, [ca])).toBe(false);
    expect(isRevoked(Revocations.none, revoked, [ca])).toBe(false);
  });

  it('does not take the word of another CA, though of the same name', async () => {
    const list = parse(await other.revoke([revoked]));
    expect(isRevoked(list, revoked, [ca, other])).toBe(false);
    expect(list.foreignCount([new X509Certificate(ca.pem)])).toBe(1);
    expect(list.foreignCount([new X509Certificate(ca.pem), new X509Certificate(other.pem)])).toBe(0);
  });

  it('reads several lists of a file, and one in DER', async () => {
    const lists = [await other.revoke([]), await ca.revoke([good, revoked])];
    expect(isRevoked(parse(lists.join('\n')), revoked, [ca])).toBe(true);
    const [, body = ''] = /-----([^-]+)-----END/.exec(lists[1] ?? '') ?? [];
    expect(isRevoked(Revocations.parse(Buffer.from(body, 'base64')), revoked, [ca])).toBe(true);
  });

  it('reports when the first of its lists is out of date', async () => {
    const soon = Date.now() + 2 * 24 * 3600_000;
    const list = parse([await ca.revoke([], 5), await ca.revoke([], 2)].join('\n'));
    expect(Math.abs((list.nextUpdateMs ?? 0) - soon)).toBeLessThan(10_000);
    expect(Revocations.none.nextUpdateMs).toBeUndefined();
  });

  it('refuses what is no list, whatever is changed or cut off', async () => {
    expect(() => parse('')).toThrow('no certificate revocation list');
    expect(() => parse(ca.pem)).toThrow('no certificate revocation list');
    const [, body = ''] = /-----([^-]+)-----END/.exec(await ca.revoke([revoked])) ?? [];
    const der = Buffer.from(body, 'base64');
    for (let length = 1; length < der.length; length++) {
      expect(() => Revocations.parse(der.subarray(0, length))).toThrow();
    }
    // Behind a header of four bytes, what is signed, whose header has its length in its last two bytes or one.
    const isLong = der[5] === 0x82;
    const end = isLong ? 8 + der.readUInt16BE(6) : 7 + (der[6] ?? 0);
    for (let at = 4; at < end; at++) {
      const changed = Buffer.from(der);
      changed[at] = (changed[at] ?? 0) ^ 0x41;
      let list = Revocations.none;
      try {
        list = Revocations.parse(changed);
      } catch (error) {
        expect(error).toBeInstanceOf(Error);
      }
      expect(isRevoked(list, revoked, [ca])).toBe(false);
    }
  });
});
