import { Token, Type } from 'cborg';
import { decode, encode } from 'cborg/extended';

/**
 * How commands, queries, answers and snapshots of a typed state machine become bytes. What `decode` returns must equal what
 * was encoded in every respect that a command can see, the order of keys included: a replica that recovered from a
 * snapshot must go on as the others do.
 */
export interface Codec {
  encode(value: unknown): Uint8Array;
  decode(bytes: Uint8Array): unknown;
}

/** A tag of our own for dates: the standard one has seconds, as a fraction that is off by a millisecond for some. */
const TAG_DATE_MS = 0x6472_6b01;

const ENCODE_OPTIONS = {
  typeEncoders: {
    Date: (date: Date): Token[] => [new Token(Type.tag, TAG_DATE_MS), new Token(Type.float, date.getTime())],
    /** UTF-8 has no place for half of a character; what came back would be another text. */
    string: (text: string): null => {
      if ((text as unknown as { isWellFormed(): boolean }).isWellFormed()) return null;
      throw new TypeError(`a string has half of a surrogate pair: ${JSON.stringify(text)}`);
    },
  },
};

const DECODE_OPTIONS = {
  tags: { [TAG_DATE_MS]: (decodeNext: () => unknown): Date => new Date(Number(decodeNext())) },
};

/** CBOR with the tags of JavaScript's types: Map, Set, Date, bigint, undefined, -0 and byte arrays come back as they were. */
export const cborCodec: Codec = Object.freeze({
  encode: (value: unknown) => encode(value, ENCODE_OPTIONS),
  decode: (bytes: Uint8Array): unknown => decode(bytes, DECODE_OPTIONS),
});
