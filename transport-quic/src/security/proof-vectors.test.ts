import { createHash, createPrivateKey, createPublicKey, sign } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { signedBytes } from './proof.js';

const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));
const transcript = {
  clientHello: bytes('{"client":1}'),
  serverHello: bytes('{"server":2}'),
  binding: new Uint8Array(32).fill(0x11),
};
const sha256 = (data: Uint8Array): string => createHash('sha256').update(data).digest('hex');

// Those of docs/internals/quic-proof.md: a change of any is another protocol.
describe('what a proof signs', () => {
  it('is fixed, byte for byte, for hellos, a binding and a role', () => {
    expect(signedBytes('client', transcript).toString('latin1')).toMatch(/^drakkar-quic\/1 proof client\0/);
    expect(sha256(signedBytes('client', transcript))).toBe(
      '2c5e998d4e1ebf54b09289c99975dd664822e6076c66109b40b91acc6ec1a0ca',
    );
    expect(sha256(signedBytes('server', transcript))).toBe(
      'ff4329ddc14e28276505f80a1f5d97099f09d9f62748eeb024b86e88d2a609e5',
    );
  });

  it('has one signature with an Ed25519 key', () => {
    const seed = Buffer.alloc(32, 0x22);
    const key = createPrivateKey({
      key: Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]),
      format: 'der',
      type: 'pkcs8',
    });
    const publicKey = createPublicKey(key)
      .export({ format: 'der', type: 'spki' })
      .subarray(-32)
      .toString('hex');
    const signature = sign(null, signedBytes('client', transcript), key).toString('hex');
    expect({ publicKey, signature }).toEqual({
      publicKey: 'a09aa5f47a6759802ff955f8dc2d2a14a5c99d23be97f864127ff9383455a4f0',
      signature:
        'c657733b0b3b65c00f35d00a5c0b19b98a634ed5082c6986153acddd9dc4ed6989210aff795e1f1cab3026c517074c3ff9910b90e784b3ddfa25a9723bb0730c',
    });
  });

  it('changes with each of its parts', () => {
    const other = new Uint8Array(32);
    const all = [
      signedBytes('client', transcript),
      signedBytes('server', transcript),
      signedBytes('client', { ...transcript, clientHello: other }),
      signedBytes('client', { ...transcript, serverHello: other }),
      signedBytes('client', { ...transcript, binding: other }),
      signedBytes('client', {
        ...transcript,
        clientHello: transcript.serverHello,
        serverHello: transcript.clientHello,
      }),
    ];
    expect(new Set(all.map(sha256)).size).toBe(all.length);
  });
});
