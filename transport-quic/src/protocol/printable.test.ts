import { describe, expect, it } from '@jest/globals';
import { printable } from '@drakkar/raftio/transport';
import { explainSessionEnd } from '../engines/quic-session-end.js';
import { decodeHello, decodeRefusal, encodeHello, encodeRefusal } from './hello.js';
import { helloFor } from '../testing/raw-client.js';

const forged = 'no\n2026-01-01 ERROR all is lost\u001b[2J\u202e\u2028';

describe('text that comes from others', () => {
  it('stays on its line, and is cut', () => {
    expect(printable(forged)).toBe('no?2026-01-01 ERROR all is lost?[2J??');
    expect(printable('ä'.repeat(5000))).toHaveLength(400);
    expect(printable('host-1 doesn\'t, "it" says: 中')).toBe('host-1 doesn\'t, "it" says: 中');
  });

  it('is made so wherever it gets into messages', () => {
    const from = decodeHello(encodeHello(helloFor('quic', 'b:1', { from: forged }))).from;
    const texts = [
      decodeRefusal(encodeRefusal({ code: 'other', reason: forged })).reason,
      explainSessionEnd(3, forged)?.message,
      from,
    ];
    const stranger = Buffer.from(JSON.stringify({ protocol: forged.slice(-6) }));
    expect(() => decodeHello(stranger)).toThrow('speaks "?[2J??", this one');
    for (const text of texts) expect(text).toMatch(/no\?2026-01-01 ERROR all is lost\?\[2J\?\?$/);
  });
});
