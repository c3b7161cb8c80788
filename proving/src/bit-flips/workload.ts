import type { IRandom, IStateMachine, SnapshotWriter } from '@drakkar/framework';

const ID_BYTES = 4;
const MAX_PAYLOAD_BYTES = 1_200;
/** So that a snapshot takes some time on its way, however little is in it. */
const PADDING_BYTES = 48 * 1024;

function payloadByte(id: number, at: number): number {
  return (Math.imul(id + 1, 0x9e37_79b1) >>> (at % 24)) & 0xff;
}

/** A command whose every byte follows from its id, so that a receiver can see whether it is whole. */
export function makeCommand(id: number, random: IRandom): Buffer {
  const command = Buffer.alloc(ID_BYTES + random.nextInt(random.nextInt(4) === 0 ? MAX_PAYLOAD_BYTES : 100));
  command.writeUInt32LE(id);
  for (let at = ID_BYTES; at < command.length; at++) command[at] = payloadByte(id, at);
  return command;
}

/** The ids of the commands applied, in order; and what was applied that nobody can have proposed. */
export class IdLog implements IStateMachine {
  ids: number[] = [];
  readonly faults: string[] = [];

  update(command: Uint8Array): number {
    if (command.length < ID_BYTES) {
      this.faults.push(`a command of ${command.length} bytes was applied`);
      return 0;
    }
    const id = Buffer.from(command).readUInt32LE();
    for (let at = ID_BYTES; at < command.length; at++) {
      if (command[at] === payloadByte(id, at)) continue;
      this.faults.push(`command ${id} was applied with byte ${at} of ${command.length} changed`);
      break;
    }
    return this.ids.push(id);
  }

  lookup(): Uint8Array {
    return Buffer.from(String(this.ids.length));
  }

  async saveSnapshot(writer: SnapshotWriter): Promise<void> {
    await writer.write(
      Buffer.concat([Buffer.alloc(PADDING_BYTES, 0x5a), Buffer.from(Uint32Array.from(this.ids).buffer)]),
    );
  }

  async recoverFromSnapshot(reader: AsyncIterable<Uint8Array>): Promise<void> {
    const parts: Uint8Array[] = [];
    for await (const part of reader) parts.push(Buffer.from(part));
    const bytes = Buffer.concat(parts);
    if (!bytes.subarray(0, PADDING_BYTES).every((byte) => byte === 0x5a))
      this.faults.push('a snapshot was changed');
    const ids = new Uint8Array(bytes.subarray(PADDING_BYTES));
    this.ids = [...new Uint32Array(ids.buffer, 0, ids.length / ID_BYTES)];
  }

  close(): void {
    // Nothing is held.
  }

  getHash(): number {
    return this.ids.length;
  }
}

/** What clients have proposed, and what of it was acknowledged. */
export class Ledger {
  proposed = 0;
  readonly acknowledged = new Set<number>();

  /** What is wrong with a replica's log of ids, given that of another. */
  faultsOf(name: string, { ids, faults }: IdLog, other: IdLog): string[] {
    const found = [...faults];
    const seen = new Set(ids);
    if (seen.size !== ids.length) found.push(`${ids.length - seen.size} commands were applied twice`);
    const unknown = ids.filter((id) => id >= this.proposed);
    if (unknown.length > 0) found.push(`${unknown.length} commands were applied that nobody proposed`);
    const lost = [...this.acknowledged].filter((id) => !seen.has(id));
    if (lost.length > 0) found.push(`${lost.length} acknowledged commands are missing`);
    const differs = ids.findIndex((id, at) => id !== other.ids[at]);
    if (differs >= 0 || ids.length !== other.ids.length)
      found.push(`it differs from another at command ${differs}`);
    return found.map((fault) => `${name}: ${fault}`);
  }
}
