import { type Uint64, uint64FromHalves } from '@drakkar/raftio';
import type { IStateMachine, ISnapshotFileCollection, SnapshotWriter } from '../../statemachine/contract.js';

const text = new TextDecoder();

/**
 * A state machine whose state depends on every command and on their order: it keeps all of them, and a hash. The
 * result of a command is that hash, so that results use all 64 bits.
 */
export class RegisterMachine implements IStateMachine {
  readonly commands: string[] = [];
  closed = 0;
  #high = 0x811c_9dc5;
  #low = 0x1234_5678;

  update(cmd: Uint8Array): Uint64 | Promise<Uint64> {
    this.commands.push(text.decode(cmd));
    for (const byte of cmd) this.#mix(byte);
    this.#mix(cmd.length);
    return this.getHash();
  }

  lookup(_query: Uint8Array): Uint8Array | Promise<Uint8Array> {
    return new TextEncoder().encode(this.commands.join(','));
  }

  async saveSnapshot(
    writer: SnapshotWriter,
    _files: ISnapshotFileCollection,
    signal: AbortSignal,
  ): Promise<void> {
    signal.throwIfAborted();
    const state = { commands: this.commands, high: this.#high, low: this.#low };
    await writer.write(new TextEncoder().encode(JSON.stringify(state)));
  }

  async recoverFromSnapshot(reader: AsyncIterable<Uint8Array>): Promise<void> {
    let json = '';
    for await (const block of reader) json += text.decode(block, { stream: true });
    const state = JSON.parse(json) as { commands: string[]; high: number; low: number };
    this.commands.splice(0, this.commands.length, ...state.commands);
    this.#high = state.high;
    this.#low = state.low;
  }

  close(): void {
    this.closed++;
  }

  getHash(): Uint64 {
    return uint64FromHalves(this.#high, this.#low);
  }

  #mix(byte: number): void {
    this.#low = Math.imul(this.#low ^ byte, 0x0100_0193);
    this.#high = Math.imul(this.#high ^ this.#low, 0x85eb_ca6b) ^ (this.#low >>> 7);
  }
}

/** The same, but every method that may return a promise does. */
export class AsyncRegisterMachine extends RegisterMachine {
  override async update(cmd: Uint8Array): Promise<Uint64> {
    await Promise.resolve();
    return super.update(cmd);
  }

  override async lookup(query: Uint8Array): Promise<Uint8Array> {
    await Promise.resolve();
    return super.lookup(query);
  }
}
