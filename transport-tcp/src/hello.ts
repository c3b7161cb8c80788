import { ErrMalformed } from '@drakkar/raftio';
import { printable } from '@drakkar/raftio/transport';

/** Hosts that speak different versions part at the hello, with a reason. */
const PROTOCOL = 'drakkar-tcp/1';

export const MAX_HELLO_BYTES = 1024;
/** Of the text of a Farewell. */
export const MAX_FAREWELL_BYTES = 1024;

/** What a connection carries. */
export type Channel = 'messages' | 'snapshot';
const SPEAKERS = ['messages', 'snapshot', 'host'] as const;

export interface Hello {
  /** What a client opens, or that it is the host that answers. */
  who: Channel | 'host';
  /** Raft address of the side that says it. */
  from?: string | undefined;
  /** Raft address of the host that a client means; absent when any will do. */
  to?: string | undefined;
}

/** A line each for the protocol, `from` and `to`; further ones are for later versions. */
export function encodeHello({ who, from = '', to = '' }: Hello): Uint8Array {
  return Buffer.from([`${PROTOCOL} ${who}`, from, to].join('\n').trimEnd());
}

/** Throws ErrMalformed for what is none, or one of another version. */
export function decodeHello(payload: Uint8Array): Hello {
  const [line = '', from = '', to = ''] = Buffer.from(payload).toString().split('\n');
  const who = SPEAKERS.find((each) => line === `${PROTOCOL} ${each}`);
  if (who === undefined) {
    const [spoken = ''] = line.split(' ');
    throw new ErrMalformed(`it speaks "${printable(spoken.slice(0, 40))}", this host speaks ${PROTOCOL}`);
  }
  return { who, from: textOf(from), to: textOf(to) };
}

function textOf(line: string): string | undefined {
  return line === '' ? undefined : printable(line);
}

export function encodeFarewell(reason: string): Uint8Array {
  // Characters of more than one byte are few: half of the room is enough for them.
  return Buffer.from(reason.slice(0, MAX_FAREWELL_BYTES / 2)).subarray(0, MAX_FAREWELL_BYTES);
}

export function decodeFarewell(payload: Uint8Array): string {
  return printable(Buffer.from(payload).toString());
}
