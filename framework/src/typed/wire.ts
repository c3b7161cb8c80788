import { crc32 } from 'node:zlib';
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

/** As it is found in the log. */
export interface DecodedCommand extends CommandMessage {
  /** Of name and arguments. */
  checksum: number;
}

/** An answer, as it is remembered and given to the caller. */
export type Answer =
  | { kind: 'value'; value: unknown }
  | { kind: 'refused'; reason: string; data: unknown }
  | { kind: 'tooBig'; sizeBytes: number }
  /** Not applied: an earlier attempt at it may have been, and its answer be forgotten. */
  | { kind: 'forgotten' }
  /** Not applied: its key names another command, whose answer is remembered. */
  | { kind: 'otherCommand' };

/**
 * Name and arguments are encoded by themselves: their checksum tells whether a key that comes again names the same command.
 */
export function encodeCommand(codec: Codec, message: CommandMessage): Uint8Array {
  const { name, args, timeMs, seed, key, since } = message;
  const body = codec.encode([key, since, timeMs, seed, codec.encode([name, args])]);
  const bytes = new Uint8Array(body.length + 2);
  bytes[0] = MAGIC;
  bytes[1] = VERSION;
  bytes.set(body, 2);
  return bytes;
}

/**
 * Undefined for what no typed client has proposed: anybody may propose bytes to the group, and none may stop its replicas.
 *
 * @throws RangeError for a command of a later version
 */
export function decodeCommand(codec: Codec, bytes: Uint8Array): DecodedCommand | undefined {
  if (bytes[0] !== MAGIC || bytes[1] === undefined || bytes[1] === 0) return undefined;
  if (bytes[1] > VERSION) {
    throw new RangeError(
      `a command has format ${bytes[1]}, and this release reads formats up to ${VERSION}: start a later release on this host`,
    );
  }
  const fields = decoded(codec, bytes.subarray(2));
  if (!isArray(fields, 5)) return undefined;
  const [key, since, timeMs, seed, content] = fields;
  if (typeof key !== 'string' || !isCount(since) || !isTime(timeMs) || !isCount(seed)) return undefined;
  if (!(content instanceof Uint8Array)) return undefined;
  const call = decoded(codec, content);
  if (!isArray(call, 2) || typeof call[0] !== 'string') return undefined;
  return { name: call[0], args: call[1], timeMs, seed, key, since, checksum: crc32(content) };
}

function decoded(codec: Codec, bytes: Uint8Array): unknown {
  try {
    return codec.decode(bytes);
  } catch {
    return undefined;
  }
}

const isArray = (value: unknown, length: number): value is unknown[] =>
  Array.isArray(value) && value.length === length;

/** What a Date can hold: of anything else the time of the group would not come back. */
const isTime = (value: unknown): value is number => typeof value === 'number' && Math.abs(value) <= 8.64e15;

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

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
    case 'otherCommand':
      return { kind };
  }
}
