import type { IStateMachine, SnapshotWriter } from '@drakkar/framework';

/** One command: an entry in a ledger, which may set a register and may carry ballast. */
export interface LedgerCommand {
  id: string;
  key?: string;
  value?: string;
  ballast?: string;
}

interface LedgerState {
  ids: string[];
  registers: [string, string][];
  ballast: [string, string][];
}

export type LedgerQuery = { ids: true } | { key: string };

export function encodeCommand(command: LedgerCommand): Uint8Array {
  return Buffer.from(JSON.stringify(command));
}

export function encodeQuery(query: LedgerQuery): Uint8Array {
  return Buffer.from(JSON.stringify(query));
}

/** The state machine of the suite's groups: remembers every command that it was given, in order. */
export class Ledger implements IStateMachine {
  readonly ids: string[] = [];
  /** Commands applied, and snapshots recovered from, by this object itself. */
  updates = 0;
  recoveries = 0;
  readonly #registers = new Map<string, string>();
  readonly #ballast = new Map<string, string>();

  update(bytes: Uint8Array): number {
    const { id, key, value, ballast } = JSON.parse(Buffer.from(bytes).toString()) as LedgerCommand;
    this.ids.push(id);
    this.updates += 1;
    if (key !== undefined && value !== undefined) this.#registers.set(key, value);
    if (ballast !== undefined) this.#ballast.set(id, ballast);
    return this.ids.length;
  }

  lookup(bytes: Uint8Array): Uint8Array {
    const query = JSON.parse(Buffer.from(bytes).toString()) as LedgerQuery;
    const answer = 'ids' in query ? this.ids : (this.#registers.get(query.key) ?? null);
    return Buffer.from(JSON.stringify(answer));
  }

  async saveSnapshot(writer: SnapshotWriter): Promise<void> {
    const state: LedgerState = {
      ids: this.ids,
      registers: [...this.#registers],
      ballast: [...this.#ballast],
    };
    await writer.write(Buffer.from(JSON.stringify(state)));
  }

  async recoverFromSnapshot(reader: AsyncIterable<Uint8Array>): Promise<void> {
    const parts: Uint8Array[] = [];
    for await (const part of reader) parts.push(Buffer.from(part));
    const { ids, registers, ballast } = JSON.parse(Buffer.concat(parts).toString()) as LedgerState;
    this.ids.splice(0, this.ids.length, ...ids);
    this.#registers.clear();
    this.#ballast.clear();
    for (const [key, value] of registers) this.#registers.set(key, value);
    for (const [id, text] of ballast) this.#ballast.set(id, text);
    this.recoveries += 1;
  }

  /** What replicas must have in common: everything. */
  getHash(): bigint {
    let hash = 0xcbf2_9ce4_8422_2325n;
    const text = JSON.stringify([this.ids, [...this.#registers], [...this.#ballast]]);
    for (const byte of Buffer.from(text)) {
      hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100_0000_01b3n);
    }
    return hash;
  }

  close(): void {
    // Nothing is held.
  }
}
