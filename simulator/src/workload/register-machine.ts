import { crc32 } from 'node:zlib';
import type {
  IFile,
  IFileSystem,
  ISnapshotFileCollection,
  IStateMachine,
  SnapshotWriter,
} from '@drakkar/framework';
import type { SnapshotFile } from '@drakkar/raftio';

/** A command: `id` names it permanently, `key` is set to `value`. */
export interface Command {
  id: string;
  key: string;
  value: string;
}

export const encodeCommand = ({ id, key, value }: Command, padding: string): Uint8Array =>
  Buffer.from(JSON.stringify([id, key, value, padding]));

export function decodeCommand(cmd: Uint8Array): Command {
  const [id, key, value] = JSON.parse(Buffer.from(cmd).toString()) as [string, string, string];
  return { id, key, value };
}

export interface Answer {
  /** Commands that the state machine has had. */
  position: number;
  value: string | undefined;
}

export const decodeAnswer = (bytes: Uint8Array): Answer =>
  JSON.parse(Buffer.from(bytes).toString()) as Answer;

interface Saved {
  position: number;
  chain: number;
  values: [string, string][];
  filler: string;
  padding: string;
}

/** How a state machine is slowed down; decided by the host that it runs on. */
export interface MachinePace {
  /** Resolves when the next command may be applied; `undefined`: at once. It may never resolve. */
  wait(): Promise<void> | undefined;
}

export interface MachineWatcher {
  updated(position: number, command: Command): void;
  saved(): void;
}

/** Where external files of snapshots are put together; `undefined`: there are none. */
export interface ExternalFiles {
  fileSystem: IFileSystem;
  dir: string;
}

export interface MachineOptions {
  files: ExternalFiles | undefined;
  /** Is in every snapshot, and must come back. */
  filler: string;
  pace: MachinePace;
}

/**
 * Registers by key, and the number of commands so far, which is what `update` returns: so each client learns where in
 * the history of its group its command stands.
 */
export class RegisterMachine implements IStateMachine {
  #position = 0;
  /** Depends on every command so far and on their order. */
  #chain = 0;
  readonly #values = new Map<string, string>();
  readonly #watcher: MachineWatcher;
  readonly #files: ExternalFiles | undefined;
  readonly #filler: string;
  /** What its snapshots have in addition, which nothing compresses. */
  paddingBytes = 0;
  readonly #pace: MachinePace;

  constructor(watcher: MachineWatcher, { files, filler, pace }: MachineOptions) {
    this.#pace = pace;
    this.#watcher = watcher;
    this.#files = files;
    this.#filler = filler;
  }

  /** All of the state, in few letters. */
  get fingerprint(): string {
    let sum = 0;
    for (const [key, value] of this.#values) sum = (sum + crc32(`${key}=${value}`)) >>> 0;
    return `${this.#position}.${this.#chain}.${sum}`;
  }

  update(cmd: Uint8Array): number | Promise<number> {
    const wait = this.#pace.wait();
    return wait === undefined ? this.#update(cmd) : wait.then(() => this.#update(cmd));
  }

  #update(cmd: Uint8Array): number {
    const command = decodeCommand(cmd);
    this.#position += 1;
    this.#chain = crc32(cmd, this.#chain);
    this.#values.set(command.key, command.value);
    this.#watcher.updated(this.#position, command);
    return this.#position;
  }

  lookup(query: Uint8Array): Uint8Array {
    const value = this.#values.get(Buffer.from(query).toString());
    return Buffer.from(JSON.stringify({ position: this.#position, value }));
  }

  async saveSnapshot(writer: SnapshotWriter, files: ISnapshotFileCollection): Promise<void> {
    const saved: Saved = {
      position: this.#position,
      chain: this.#chain,
      values: [...this.#values],
      filler: this.#filler,
      padding: incompressible(this.paddingBytes),
    };
    const bytes = Buffer.from(JSON.stringify(saved));
    const half = bytes.length >> 1;
    await writer.write(bytes.subarray(0, half));
    await writer.write(bytes.subarray(half));
    if (this.#files !== undefined) await this.#addFile(this.#files, files, saved);
    this.#watcher.saved();
  }

  async recoverFromSnapshot(
    reader: AsyncIterable<Uint8Array>,
    files: readonly SnapshotFile[],
  ): Promise<void> {
    const pieces: Uint8Array[] = [];
    for await (const piece of reader) pieces.push(Buffer.from(piece));
    const saved = JSON.parse(Buffer.concat(pieces).toString()) as Saved;
    if (saved.filler !== this.#filler) throw new Error('the filler of the snapshot is not what was saved');
    for (const file of files) await this.#checkFile(file, saved);
    this.#position = saved.position;
    this.#chain = saved.chain;
    this.#values.clear();
    for (const [key, value] of saved.values) this.#values.set(key, value);
  }

  close(): void {
    // Holds nothing.
  }

  getHash(): number {
    return this.#chain;
  }

  async #addFile(
    { fileSystem, dir }: ExternalFiles,
    files: ISnapshotFileCollection,
    saved: Saved,
  ): Promise<void> {
    const path = `${dir}/at-${saved.position}`;
    await fileSystem.makeDir(dir);
    // A file of that name may be part of an older snapshot, and must not be changed.
    await fileSystem.remove(path);
    const file: IFile = await fileSystem.open(path, 'create');
    try {
      await file.write(Buffer.from(String(saved.chain)), 0);
    } finally {
      await file.close();
    }
    files.addFile(1, path, Buffer.from(String(saved.position)));
  }

  async #checkFile({ filepath, metadata }: SnapshotFile, saved: Saved): Promise<void> {
    const content = this.#files === undefined ? undefined : await this.#files.fileSystem.readFile(filepath);
    const isRight =
      Buffer.from(metadata).toString() === String(saved.position) &&
      content !== undefined &&
      Buffer.from(content).toString() === String(saved.chain);
    if (!isRight) throw new Error(`the external file ${filepath} is not that of position ${saved.position}`);
  }
}

/** Text that nothing compresses. */
export function incompressible(sizeBytes: number): string {
  const bytes = Buffer.alloc(sizeBytes >> 1);
  for (let at = 0, sum = 1; at + 4 <= bytes.length; at += 4) {
    sum = (Math.imul(sum, 1_664_525) + 1_013_904_223) >>> 0;
    bytes.writeUInt32LE(sum, at);
  }
  return bytes.toString('hex');
}
