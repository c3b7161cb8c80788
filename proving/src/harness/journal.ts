import { Buffer } from 'node:buffer';
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { nowMicros } from './clock.js';

export const CallKind = Object.freeze({ put: 1, get: 2, delete: 3 } as const);
export type CallKind = (typeof CallKind)[keyof typeof CallKind];

/** One call of one client, as its process recorded it. Times in microseconds, see `nowMicros`. */
export interface JournaledCall {
  kind: CallKind;
  client: number;
  keyID: number;
  /** What a put wrote or a get saw; undefined = absent. */
  value: number | undefined;
  invokedAt: number;
  /** Undefined when the outcome is unknown. */
  returnedAt: number | undefined;
  /** What the state machine answered to a write: for a put, the key's version. */
  version: number;
}

/** `phase, kind, client (u16), call (u32), key (u32), version (u32), value (f64), time (f64)`, little-endian. */
const RECORD_BYTES = 32;
const INVOKED = 1;
const RETURNED = 2;

/**
 * The record of a process's client calls. Each line is with the operating system before the call goes on: it outlives
 * kill -9 (not a power failure), so that a write which was acknowledged an instant before is not forgotten.
 */
export class Journal {
  readonly #fd: number;
  readonly #record = Buffer.alloc(RECORD_BYTES);
  #nextCall = 0;

  constructor(path: string) {
    this.#fd = openSync(path, 'a');
  }

  /** Returns the number by which `returned` knows the call. */
  invoked(kind: CallKind, client: number, keyID: number, value: number): number {
    const call = this.#nextCall;
    this.#nextCall += 1;
    this.#record[1] = kind;
    this.#record.writeUInt16LE(client, 2);
    this.#record.writeUInt32LE(keyID, 8);
    this.#append(INVOKED, call, 0, value);
    return call;
  }

  /** @param value what a get saw, NaN for nothing */
  returned(call: number, version: number, value: number): void {
    this.#append(RETURNED, call, version, value);
  }

  close(): void {
    closeSync(this.#fd);
  }

  #append(phase: number, call: number, version: number, value: number): void {
    this.#record[0] = phase;
    this.#record.writeUInt32LE(call, 4);
    this.#record.writeUInt32LE(version, 12);
    this.#record.writeDoubleLE(value, 16);
    this.#record.writeDoubleLE(nowMicros(), 24);
    writeSync(this.#fd, this.#record);
  }
}

/** What a journal holds. A last record that the process did not get to finish is left out. */
export function readJournal(path: string): JournaledCall[] {
  const bytes = readFileSync(path);
  const calls: JournaledCall[] = [];
  for (let at = 0; at + RECORD_BYTES <= bytes.length; at += RECORD_BYTES) {
    const number = bytes.readUInt32LE(at + 4);
    const value = bytes.readDoubleLE(at + 16);
    const time = bytes.readDoubleLE(at + 24);
    const phase = bytes[at];
    if (phase === INVOKED) {
      calls[number] = {
        kind: bytes[at + 1] as CallKind,
        client: bytes.readUInt16LE(at + 2),
        keyID: bytes.readUInt32LE(at + 8),
        value,
        invokedAt: time,
        returnedAt: undefined,
        version: 0,
      };
      continue;
    }
    const call = calls[number];
    if (phase !== RETURNED || call === undefined) throw new Error(`${path}: not a journal, at byte ${at}`);
    call.returnedAt = time;
    call.version = bytes.readUInt32LE(at + 12);
    if (call.kind === CallKind.get) call.value = Number.isNaN(value) ? undefined : value;
  }
  return calls;
}
