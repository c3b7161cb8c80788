import { createInterface } from 'node:readline';
import type { IConnection, MessageBatch, RaftRPCModule } from '@drakkar/raftio';
import { batch, patterned } from '../rpc/make.js';
import {
  PEER_BATCH_BYTES,
  PEER_BUFFER_BYTES,
  type PeerCommand,
  type PeerLine,
  type PeerTask,
} from '../rpc/peer.js';
import { describeError } from '../suite/assert.js';
import { loadAdapterModule } from './load.js';

const SAMPLE_MS = 50;
const ATTEMPTS = 4;

function say(line: PeerLine): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

/** Most memory since `mark`; garbage is collected first, so that what is counted is what is held. */
class MemoryMeter {
  #baseBytes = 0;
  #mostBytes = 0;
  #baseReservedBytes = 0;
  #mostReservedBytes = 0;

  constructor() {
    setInterval(() => {
      this.#sample();
    }, SAMPLE_MS).unref();
  }

  get grownBytes(): number {
    this.#sample();
    return this.#mostBytes - this.#baseBytes;
  }

  get reservedBytes(): number {
    this.#sample();
    return this.#mostReservedBytes - this.#baseReservedBytes;
  }

  mark(): void {
    this.#mostBytes = 0;
    this.#mostReservedBytes = 0;
    this.#sample();
    this.#baseBytes = this.#mostBytes;
    this.#baseReservedBytes = this.#mostReservedBytes;
  }

  #sample(): void {
    globalThis.gc?.();
    const { rss, external } = process.memoryUsage();
    this.#mostBytes = Math.max(this.#mostBytes, rss);
    this.#mostReservedBytes = Math.max(this.#mostReservedBytes, external);
  }
}

/** Counts what is delivered and looks at it. */
class Receiver {
  delivered = 0;
  isWhole = true;
  handlerMs = 0;
  readonly #expected = Buffer.from(patterned(1, PEER_BATCH_BYTES));

  readonly handle = ({ requests }: MessageBatch): void => {
    const end = performance.now() + this.handlerMs;
    this.delivered += 1;
    const [message] = requests;
    const cmd = message?.entries[0]?.cmd ?? new Uint8Array(0);
    if (message?.logIndex !== this.delivered || !this.#expected.equals(cmd)) this.isWhole = false;
    while (performance.now() < end);
  };
}

/** Sends numbered batches, one at a time, over one connection. */
class Sender {
  taken = 0;
  #total = 0;
  #isSending = false;
  #connection: IConnection | undefined;
  readonly #connect: (target: string) => Promise<IConnection>;

  constructor(connect: (target: string) => Promise<IConnection>) {
    this.#connect = connect;
  }

  async sendUntil(target: string, total: number): Promise<void> {
    this.#total = total;
    if (this.#isSending) return;
    this.#isSending = true;
    this.#connection ??= await this.#connected(target);
    const cmd = patterned(1, PEER_BATCH_BYTES);
    while (this.taken < this.#total) {
      await this.#connection.sendMessageBatch(batch(this.taken + 1, { cmd }));
      this.taken += 1;
    }
    this.#isSending = false;
  }

  /** On a machine that is busy an attempt may be given up before the other process has its turn. */
  async #connected(target: string): Promise<IConnection> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#connect(target);
      } catch (error) {
        if (attempt === ATTEMPTS) throw error;
      }
    }
  }

  rest(): void {
    this.#total = 0;
  }
}

async function main({ module, options, address }: PeerTask): Promise<void> {
  const meter = new MemoryMeter();
  const receiver = new Receiver();
  const config = {
    raftAddress: address,
    listenAddress: address,
    mutualTLS: undefined,
    sendBufferBytes: PEER_BUFFER_BYTES,
    onWarning: () => undefined,
  };
  const sink = { addChunk: () => Promise.resolve(false), close: () => undefined };
  const adapter = (await loadAdapterModule(module)) as RaftRPCModule;
  const rpc = adapter.create(options)(config, receiver.handle, () => sink);
  await rpc.start();
  const sender = new Sender((target) => rpc.getConnection(target, new AbortController().signal));
  const obey = (command: PeerCommand): void => {
    if ('send' in command) {
      const { target, total } = command.send;
      sender.sendUntil(target, total).catch((error: unknown) => {
        say({ failed: describeError(error) });
      });
    } else if ('rest' in command) sender.rest();
    else if ('slowDown' in command) receiver.handlerMs = command.slowDown;
    else {
      if ('mark' in command) meter.mark();
      const { delivered, isWhole } = receiver;
      const { grownBytes, reservedBytes } = meter;
      say({ report: { taken: sender.taken, delivered, isWhole, grownBytes, reservedBytes } });
    }
  };
  createInterface({ input: process.stdin })
    .on('line', (text) => {
      obey(JSON.parse(text) as PeerCommand);
    })
    // The process that started this one is gone.
    .on('close', () => process.exit());
  say({ ready: true });
}

await main(JSON.parse(process.argv[2] ?? '{}') as PeerTask);
