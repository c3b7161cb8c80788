import type { Codec } from './codec.js';

/** Begins what a typed client proposes; other bytes are no command of a typed state machine. */
const MAGIC = 0xd7;
const VERSION = 1;

/** A command as it is in the log. */
export interface CommandMessage {
  name: string;
  args: unknown;
  /** The proposer's time of day. */
  timeMs: number;
  /** For `context.random`. */
  seed: number;
  /** Under which its answer is remembered. */
  key: string;
  /** The command was first sent when so many commands were applied at the proposer; a caller's own key has no such place. */
  since: number;
}

/** An answer, as it is remembered and given to the caller. */
export type Answer =
  | { kind: 'value'; value: unknown }
  | { kind: 'refused'; reason: string; data: unknown }
  | { kind: 'tooBig'; sizeBytes: number }
  /** Not applied: an earlier attempt at it may have been, and its answer be forgotten. */
  | { kind: 'forgotten' };

export function encodeCommand(codec: Codec, message: CommandMessage): Uint8Array {
  const { name, args, timeMs, seed, key, since } = message;
  const body = codec.encode([name, args, timeMs, seed, key, since]);
  const bytes = new Uint8Array(body.length + 2);
  bytes[0] = MAGIC;
  bytes[1] = VERSION;
  bytes.set(body, 2);
  return bytes;
}

/** Undefined for what no typed client has proposed. @throws RangeError for a command of a later version */
export function decodeCommand(codec: Codec, bytes: Uint8Array): CommandMessage | undefined {
  if (bytes[0] !== MAGIC || bytes[1] === undefined) return undefined;
  if (bytes[1] > VERSION) {
    throw new RangeError(
      `a command has format ${bytes[1]}, and this release reads formats up to ${VERSION}: start a later release on this host`,
    );
  }
  const fields = codec.decode(bytes.subarray(2)) as [string, unknown, number, number, string, number];
  const [name, args, timeMs, seed, key, since] = fields;
  return { name, args, timeMs, seed, key, since };
}

export const encodeAnswer = (codec: Codec, answer: Answer): Uint8Array =>
  codec.encode(
    answer.kind === 'value'
      ? [answer.kind, answer.value]
      : answer.kind === 'refused'
        ? [answer.kind, answer.reason, answer.data]
        : answer.kind === 'tooBig'
          ? [answer.kind, answer.sizeBytes]
          : [answer.kind],
  );

export function decodeAnswer(codec: Codec, bytes: Uint8Array): Answer {
  const [kind, first, second] = codec.decode(bytes) as [Answer['kind'], unknown, unknown];
  switch (kind) {
    case 'value':
      return { kind, value: first };
    case 'refused':
      return { kind, reason: String(first), data: second };
    case 'tooBig':
      return { kind, sizeBytes: Number(first) };
    case 'forgotten':
      return { kind };
  }
}
