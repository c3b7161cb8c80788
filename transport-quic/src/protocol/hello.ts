import { randomBytes } from 'node:crypto';
import { ErrMalformed } from '@drakkar/raftio';
import { printable } from '@drakkar/raftio/transport';
import { type EngineName, ENGINE_NAMES } from '../engine.js';

/** Hosts that speak different versions part at the hello, with a reason. */
export const PROTOCOL = 'drakkar-quic/1';

/** What a channel carries. */
export type ChannelKind = 'messages' | 'snapshots';

/** The first frame of either side: who it is and what it expects, before anything else is said. */
export interface Hello {
  protocol: string;
  engine: EngineName;
  kind: ChannelKind;
  deploymentID: number;
  /** Raft address of the host that says this; once decoded, for messages only. */
  from: string;
  /** Raft address of the host that it means to talk to; what the dialling side said comes back in the answer. */
  to: string;
  /**
   * Raft address of the host that must be there, from the dialling side; absent when any will do, and from hosts of 0.1.
   */
  expected?: string | undefined;
  mutualTLS: boolean;
  /** Random, never used twice; 32 bytes in base64. */
  nonce: string;
  /**
   * What ties this conversation to the TLS connection below it: SHA-256 of a certificate that was shown there, in
   * base64; see `Channel`. Empty from the dialling side, and without mutual TLS.
   */
  binding: string;
  /** Bytes of Begin and More frames that may be sent to this host before it gives credit. */
  windowBytes: number;
  /** Credit is to be given at the latest when so many bytes were read. */
  creditStepBytes: number;
}

const NONCE_BYTES = 32;
const MAX_HELLO_BYTES = 4096;
const MAX_ADDRESS_LENGTH = 300;
const MAX_WINDOW_BYTES = 1024 * 1024 * 1024;

export function newNonce(): string {
  return randomBytes(NONCE_BYTES).toString('base64');
}

export function encodeHello(hello: Hello): Uint8Array {
  return new Uint8Array(Buffer.from(JSON.stringify(hello)));
}

/**
 * A hello of the same protocol. Throws ErrMalformed for anything else; of a hello of another version of the protocol,
 * whose further fields may differ, it says so.
 */
export function decodeHello(payload: Uint8Array): Hello {
  const fields = parseObject(payload, MAX_HELLO_BYTES);
  const { protocol } = fields;
  if (typeof protocol !== 'string') throw new ErrMalformed('a hello without a protocol');
  if (protocol !== PROTOCOL) {
    throw new ErrMalformed(
      `the other host speaks ${JSON.stringify(printable(protocol.slice(0, 40)))}, this one ${PROTOCOL}`,
    );
  }
  const {
    engine,
    kind,
    deploymentID,
    from,
    to,
    expected,
    mutualTLS,
    nonce,
    binding,
    windowBytes,
    creditStepBytes,
  } = fields;
  if (
    !isEngineName(engine) ||
    (kind !== 'messages' && kind !== 'snapshots') ||
    !isInteger(deploymentID, 0, Number.MAX_SAFE_INTEGER) ||
    !isText(from) ||
    !isText(to) ||
    !(expected === undefined || isText(expected)) ||
    typeof mutualTLS !== 'boolean' ||
    !isBytes(nonce, NONCE_BYTES) ||
    !(binding === '' || isBytes(binding, NONCE_BYTES)) ||
    !isInteger(windowBytes, 1, MAX_WINDOW_BYTES) ||
    !isInteger(creditStepBytes, 1, MAX_WINDOW_BYTES)
  ) {
    throw new ErrMalformed('a hello with fields that are not as they must be');
  }
  return {
    protocol,
    engine,
    kind,
    deploymentID,
    from: printable(from),
    to,
    ...(expected === undefined ? {} : { expected }),
    mutualTLS,
    nonce,
    binding,
    windowBytes,
    creditStepBytes,
  };
}

function isEngineName(value: unknown): value is EngineName {
  return ENGINE_NAMES.some((name) => name === value);
}

function isInteger(value: unknown, minimum: number, maximum: number): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= minimum && value <= maximum;
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.length <= MAX_ADDRESS_LENGTH;
}

function isBytes(value: unknown, sizeBytes: number): value is string {
  return typeof value === 'string' && Buffer.from(value, 'base64').length === sizeBytes && value.length < 64;
}

/** Why the listening side lets a host not in. */
export type RefusalCode = 'tls' | 'other';

export interface Refusal {
  /** `tls`: the peer is not proven to be of the deployment. */
  code: RefusalCode;
  reason: string;
}

const MAX_REFUSAL_BYTES = 4096;
const MAX_REASON_LENGTH = 400;

export function encodeRefusal(refusal: Refusal): Uint8Array {
  const reason = refusal.reason.slice(0, MAX_REASON_LENGTH);
  return new Uint8Array(Buffer.from(JSON.stringify({ code: refusal.code, reason })));
}

/** Throws ErrMalformed. */
export function decodeRefusal(payload: Uint8Array): Refusal {
  const { code, reason } = parseObject(payload, MAX_REFUSAL_BYTES);
  if ((code !== 'tls' && code !== 'other') || typeof reason !== 'string') {
    throw new ErrMalformed('a refusal with fields that are not as they must be');
  }
  return { code, reason: printable(reason) };
}

/** A JSON object of bounded length. Throws ErrMalformed. */
export function parseObject(payload: Uint8Array, maxBytes: number): Record<string, unknown> {
  if (payload.length > maxBytes) throw new ErrMalformed(`${payload.length} bytes, of at most ${maxBytes}`);
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(payload.buffer, payload.byteOffset, payload.length).toString());
  } catch (error) {
    throw new ErrMalformed('not JSON', { cause: error });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new ErrMalformed('not an object');
  return value as Record<string, unknown>;
}
