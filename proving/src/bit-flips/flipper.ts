import { once } from 'node:events';
import { type AddressInfo, type Server, type Socket, createConnection, createServer } from 'node:net';
import type { IRandom } from '@drakkar/framework';
import { type Direction, type Place, type Protocol, type Region, regionReader } from './regions.js';
import { ruleFor } from './rules.js';

/** One bit that was flipped on one connection, and what came of it. */
export interface Flip {
  region: Region;
  direction: Direction;
  /** Position in its direction of the connection, and the bit. */
  at: number;
  bit: number;
  /** The byte as it was, and where it lies. */
  byte: number;
  place: Place;
  /** Why nothing need come of it, if so. */
  rule: string | undefined;
  /** The connection as the host sees it that was connected to: its peer. */
  peer: string;
  /**
   * `ignored`: nothing came of it, as a rule of the protocol has it; `open`: nothing came of it, and something must.
   * `lost`: its connection was cut here, before anything could come of it.
   */
  outcome: 'pending' | 'counted' | 'ended' | 'ignored' | 'open' | 'lost';
}

/** Where the one bit of a connection is to be flipped: the so-and-so-many-th byte of a region. */
interface Plan {
  region: Region;
  direction: Direction;
  skip: number;
}

/**
 * A connection on which nothing has come of a flip for so long is cut here, so that its hosts go on. It is counted in
 * looks, so that a pause of this process is not held against them.
 */
const PATIENCE_LOOKS = 50;
const LOOK_MS = 100;
/** When a plan has not come to pass for so long, the next byte of its region will do. */
const HURRY_MS = 250;
/** And then any byte. */
const LATE_MS = 600;

const SKIPS: Readonly<Record<Region, number>> = { handshake: 500, framing: 200, content: 8_000 };

/** Most flips are to hit what the checksums cover; the others, in either direction, whatever else is said. */
function planOf(random: IRandom): Plan {
  const dice = random.nextInt(20);
  const region = dice < 12 ? 'content' : dice < 17 ? 'framing' : 'handshake';
  const direction = region === 'content' || random.nextInt(2) === 0 ? 'to-host' : 'to-client';
  return { region, direction, skip: random.nextInt(SKIPS[region]) };
}

/** In words: which bit it was, and where. */
export function describeFlip({ region, direction, byte, bit, place: { header, at } }: Flip): string {
  const where =
    at === undefined ? 'before all frames' : `at ${at} of the frame ${Buffer.from(header).toString('hex')}`;
  return `${region} ${direction}, bit ${bit} of ${byte} ${where}`;
}

/** A relay in front of a host that flips one bit on each connection, while it is `armed`. */
export class Flipper {
  readonly address: string;
  readonly flips: Flip[] = [];
  armed = false;
  /** Nothing passes, and connections are cut: its host is away for the others. */
  isCut = false;
  readonly #server: Server;
  readonly #target: number;
  readonly #protocol: Protocol;
  readonly #random: IRandom;
  readonly #connections = new Set<Connection>();

  private constructor(server: Server, target: number, protocol: Protocol, random: IRandom) {
    this.#server = server;
    this.#target = target;
    this.#protocol = protocol;
    this.#random = random;
    this.address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on('connection', (client) => this.#relay(client));
  }

  /** In front of a host that listens, or will listen, at port `target` of this machine. */
  static async open(target: number, protocol: Protocol, random: IRandom): Promise<Flipper> {
    const server = createServer({ allowHalfOpen: true, noDelay: true });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Flipper(server, target, protocol, random);
  }

  /** What passes here, for who looks for the reason why nothing does. */
  get connections(): string[] {
    return [...this.#connections].map((connection) => connection.description);
  }

  cut(): void {
    for (const connection of [...this.#connections]) connection.end('lost');
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #relay(client: Socket): void {
    if (this.isCut) {
      client.destroy();
      return;
    }
    const host = createConnection({
      port: this.#target,
      host: '127.0.0.1',
      allowHalfOpen: true,
      noDelay: true,
    });
    const connection = new Connection(client, host, this.#protocol, planOf(this.#random), this.#random, this);
    this.#connections.add(connection);
    for (const socket of [client, host]) {
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.#connections.delete(connection);
        connection.end('ended');
      });
    }
  }
}

class Connection {
  readonly #client: Socket;
  readonly #host: Socket;
  readonly #protocol: Protocol;
  readonly #plan: Plan;
  readonly #random: IRandom;
  readonly #flipper: Flipper;
  readonly #sinceMs = performance.now();
  #flip: Flip | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    client: Socket,
    host: Socket,
    protocol: Protocol,
    plan: Plan,
    random: IRandom,
    flipper: Flipper,
  ) {
    this.#client = client;
    this.#host = host;
    this.#protocol = protocol;
    this.#plan = plan;
    this.#random = random;
    this.#flipper = flipper;
    this.#forward(client, host, 'to-host');
    this.#forward(host, client, 'to-client');
  }

  get description(): string {
    const ageMs = Math.round(performance.now() - this.#sinceMs);
    const flip = this.#flip === undefined ? 'not flipped' : describeFlip(this.#flip);
    return `of ${ageMs} ms: ${this.#client.bytesRead} bytes in, ${this.#host.bytesRead} back, ${flip}`;
  }

  /** One side is gone: so is the other. */
  end(outcome: 'ended' | 'ignored' | 'open' | 'lost'): void {
    this.#client.destroy();
    this.#host.destroy();
    clearInterval(this.#timer);
    if (this.#flip?.outcome === 'pending') this.#flip.outcome = outcome;
  }

  #forward(from: Socket, to: Socket, direction: Direction): void {
    const regions = regionReader(this.#protocol, direction);
    let at = 0;
    from.on('data', (bytes: Buffer) => {
      const ageMs = performance.now() - this.#sinceMs;
      for (let i = 0; i < bytes.length; i++, at++) {
        const byte = bytes[i] as number;
        const region = regions.next(byte);
        if (this.#isDue(region, direction, ageMs))
          bytes[i] = byte ^ (1 << this.#hit({ region, direction, at, byte, place: regions.place }));
      }
      if (!to.write(bytes)) from.pause();
    });
    to.on('drain', () => from.resume());
    from.on('end', () => to.end());
  }

  #isDue(region: Region, direction: Direction, ageMs: number): boolean {
    const plan = this.#plan;
    if (this.#flip !== undefined || !this.#flipper.armed) return false;
    // What is planned may never come, such as answers where there are none.
    if (region !== plan.region || direction !== plan.direction) return ageMs > LATE_MS;
    if (plan.skip === 0 || ageMs > HURRY_MS) return true;
    plan.skip -= 1;
    return false;
  }

  /** @returns which bit is to be flipped */
  #hit(where: Pick<Flip, 'region' | 'direction' | 'at' | 'byte' | 'place'>): number {
    const bit = this.#random.nextInt(8);
    const peer = `127.0.0.1:${this.#host.localPort ?? 0}`;
    const rule = ruleFor(this.#protocol, { ...where, bit });
    const flip: Flip = { ...where, bit, peer, rule, outcome: 'pending' };
    this.#flip = flip;
    this.#flipper.flips.push(flip);
    let looks = 0;
    this.#timer = setInterval(() => {
      if (++looks === PATIENCE_LOOKS) this.end(rule === undefined ? 'open' : 'ignored');
    }, LOOK_MS);
    return bit;
  }
}
