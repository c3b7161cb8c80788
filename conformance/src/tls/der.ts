/** Just enough of DER (ITU-T X.690) to write an X.509 certificate. */
const Tag = {
  Boolean: 0x01,
  Integer: 0x02,
  BitString: 0x03,
  OctetString: 0x04,
  Oid: 0x06,
  Utf8: 0x0c,
  Time: 0x18,
};
const SEQUENCE = 0x30;
const SET = 0x31;

function tlv(tag: number, ...content: Uint8Array[]): Buffer {
  const body = Buffer.concat(content);
  const length: number[] = [];
  if (body.length < 0x80) {
    length.push(body.length);
  } else {
    for (let rest = body.length; rest > 0; rest >>>= 8) length.unshift(rest & 0xff);
    length.unshift(0x80 | length.length);
  }
  return Buffer.concat([Buffer.from([tag, ...length]), body]);
}

export const sequence = (...items: Uint8Array[]): Buffer => tlv(SEQUENCE, ...items);
export const setOf = (...items: Uint8Array[]): Buffer => tlv(SET, ...items);
export const octets = (bytes: Uint8Array): Buffer => tlv(Tag.OctetString, bytes);
export const utf8 = (text: string): Buffer => tlv(Tag.Utf8, Buffer.from(text));
export const yes = (): Buffer => tlv(Tag.Boolean, Buffer.from([0xff]));
/** Whole bytes; no bit is unused. */
export const bits = (bytes: Uint8Array): Buffer => tlv(Tag.BitString, Buffer.from([0]), bytes);

/** A non-negative integer, given big-endian. */
export function integer(bytes: Uint8Array): Buffer {
  return tlv(Tag.Integer, (bytes[0] ?? 0) >= 0x80 ? Buffer.from([0, ...bytes]) : bytes);
}

export function time(at: Date): Buffer {
  const text = at.toISOString().replace(/[-:T]|\.\d+/g, '');
  return tlv(Tag.Time, Buffer.from(text));
}

/** `[number]` with the content of another type, as X.509 uses it; constructed ones hold whole items. */
export function tagged(number: number, content: Uint8Array, { constructed = true } = {}): Buffer {
  return tlv((constructed ? 0xa0 : 0x80) | number, content);
}

export function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const bytes = [first * 40 + second];
  for (const arc of rest) {
    const groups = [arc & 0x7f];
    for (let high = arc >>> 7; high > 0; high >>>= 7) groups.unshift((high & 0x7f) | 0x80);
    bytes.push(...groups);
  }
  return tlv(Tag.Oid, Buffer.from(bytes));
}
