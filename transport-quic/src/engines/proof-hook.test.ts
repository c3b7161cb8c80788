import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { ProofHook } from './proof-hook.js';

type Proof = { certs: Uint8Array[]; hostname: string; port: number };
const hooks = globalThis as typeof globalThis & { FAILSVerifyProof?: (proof: Proof) => boolean };
hooks.FAILSVerifyProof = ({ hostname }) => hostname === 'known.example';
const hook = ProofHook.installed();

const certificate = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));
const show = (hostname: string, port: number, text = 'leaf'): boolean | undefined =>
  hooks.FAILSVerifyProof?.({ hostname, port, certs: [certificate(text), certificate('CA')] });
const fingerprint = (text: string): string => createHash('sha256').update(text).digest('hex');
const hex = (bytes: Uint8Array | undefined): string | undefined =>
  bytes && Buffer.from(bytes).toString('hex');

describe('the hook by which the HTTP/3 library has certificates verified', () => {
  it('accepts the certificate of a server that is being connected to, and notes it', async () => {
    const seen = await hook.connecting('10.0.0.1', 4000, (seenNow) => {
      expect(seenNow()).toBeUndefined();
      expect(show('10.0.0.1', 4000)).toBe(true);
      return Promise.resolve(hex(seenNow()));
    });
    expect(seen).toBe(fingerprint('leaf'));
  });

  it('leaves all other servers to the function that decided before', async () => {
    await hook.connecting('10.0.0.1', 4000, () => {
      expect([show('10.0.0.1', 4001), show('10.0.0.2', 4000), show('known.example', 443)]).toEqual([
        false,
        false,
        true,
      ]);
      return Promise.resolve();
    });
    expect(show('10.0.0.1', 4000)).toBe(false);
    expect(ProofHook.installed()).toBe(hook);
  });

  it('takes attempts at one server one after the other, also when one fails', async () => {
    const order: string[] = [];
    const attempt = (name: string): Promise<string | undefined> =>
      hook.connecting('10.0.0.1', 4000, async (seen) => {
        order.push(`${name} begins`);
        show('10.0.0.1', 4000, name);
        await new Promise((resolve) => setImmediate(resolve));
        order.push(`${name} ends`);
        if (name === 'b') throw new Error('no answer');
        return hex(seen());
      });
    const outcomes = await Promise.allSettled([attempt('a'), attempt('b'), attempt('c')]);
    expect(order).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
    expect(outcomes.map((each) => (each.status === 'fulfilled' ? each.value : 'failed'))).toEqual([
      fingerprint('a'),
      'failed',
      fingerprint('c'),
    ]);
  });
});
