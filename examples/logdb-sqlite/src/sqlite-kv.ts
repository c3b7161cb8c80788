import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { ErrLogDBCorrupt, ErrLogDBLocked, ErrLogDBOpen } from '@drakkar/raftio';
import type { IOrderedKV, KVOp } from '@drakkar/raftio/kv';
import type { Reply, Request, ThreadData } from './sqlite-thread.js';

type Waiting = { resolve: (result: unknown) => void; reject: (error: Error) => void };

/**
 * SQLite as an ordered store, in a thread of its own: its calls are synchronous, and a sync of the disk takes
 * milliseconds in which this thread could not send a heartbeat.
 */
export class SqliteKV implements IOrderedKV {
  readonly get: IOrderedKV['get'] = (key) => this.#call('get', key);
  readonly getRange: IOrderedKV['getRange'] = (range) => this.#call('getRange', range);
  readonly getKeys: IOrderedKV['getKeys'] = (range) => this.#call('getKeys', range);
  readonly getFloorKey: IOrderedKV['getFloorKey'] = (key, low) => this.#call('getFloorKey', key, low);
  readonly write: IOrderedKV['write'] = (ops) => this.#call('write', ops.map(ownBytes));
  readonly #thread: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #lastID = 0;
  #ended: Error | undefined;

  private constructor(thread: Worker, file: string) {
    this.#thread = thread;
    thread.on('message', (reply: Reply) => {
      const waiting = this.#waiting.get(reply.id);
      this.#waiting.delete(reply.id);
      if ('error' in reply) waiting?.reject(toError(file, reply.error));
      else waiting?.resolve(reply.result);
    });
    thread.on('error', (error: Error) => (this.#ended = error));
    thread.on('exit', () => {
      this.#ended ??= new ErrLogDBOpen(`the thread that has ${file} open has ended`);
      for (const { reject } of this.#waiting.values()) reject(this.#ended);
    });
  }

  /** Rejects with ErrLogDBLocked, ErrLogDBCorrupt or ErrLogDBOpen; nothing is left open then. */
  static async open(data: ThreadData): Promise<SqliteKV> {
    const thread = new Worker(new URL('./sqlite-thread.js', import.meta.url), { workerData: data });
    try {
      await once(thread, 'message');
      return new SqliteKV(thread, data.file);
    } catch (error) {
      await thread.terminate();
      throw toError(data.file, error as Failure);
    }
  }

  /** Gives back all that is free, wherever it was; in steps, so that other calls get their turn in between. */
  async compactRange(): Promise<void> {
    for (let more = true; more;) more = await this.#call('vacuumSome');
  }

  /** The end of the thread releases the files; `close` of libsql leaves that to the garbage collector. */
  async close(): Promise<void> {
    await this.#thread.terminate();
  }

  #call<T>(method: Request['method'], ...args: unknown[]): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== undefined) throw this.#ended;
      const request: Request = { id: (this.#lastID += 1), method, args };
      this.#waiting.set(request.id, { resolve: resolve as Waiting['resolve'], reject });
      this.#thread.postMessage(request);
    });
  }
}

/** A message takes along the whole buffer that its bytes are a part of: of a small part, a copy is cheaper. */
function ownBytes(op: KVOp): KVOp {
  if (op.type !== 'put' || op.value.length === op.value.buffer.byteLength) return op;
  return { ...op, value: new Uint8Array(op.value) };
}

/** An error of libsql that ends the thread comes here without its message. */
interface Failure {
  code?: string;
  message?: string;
}

function toError(file: string, { code, message = code }: Failure): Error {
  const [text, options] = [`${file}: ${message ?? 'it could not be opened'}`, { details: { file, code } }];
  if (code === 'SQLITE_BUSY') return new ErrLogDBLocked(`${text}; who else has it open?`, options);
  if (code === 'SQLITE_CORRUPT' || code === 'SQLITE_NOTADB') return new ErrLogDBCorrupt(text, options);
  return new ErrLogDBOpen(text, options);
}
