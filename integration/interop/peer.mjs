import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** Longer than any operation takes by its own limit. */
const ANSWER_TIMEOUT_MS = 60_000;

/** Below those that systems give to outgoing connections, lest one has the port of a host that is killed. */
const FIRST_PORT = 12_000;
const LAST_PORT = 31_000;

export async function freeAddress() {
  for (;;) {
    const port = randomInt(FIRST_PORT, LAST_PORT);
    const server = createServer();
    const isFree = await new Promise((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => resolve(true));
    });
    if (!isFree) continue;
    await new Promise((resolve) => server.close(resolve));
    return `127.0.0.1:${port}`;
  }
}

/** One host, of either kind: a process that answers the protocol of README.md. */
export class HostProcess {
  kind;
  nodeID;
  address;
  isUp = false;
  #command;
  #dir;
  #child;
  #pending = new Map();
  #nextID = 1;
  #runs = 0;

  constructor({ kind, command, nodeID, dir, address }) {
    this.kind = kind;
    this.nodeID = nodeID;
    this.address = address;
    this.#command = command;
    this.#dir = dir;
  }

  get name() {
    return `${this.kind}-${this.nodeID}`;
  }

  get dir() {
    return join(this.#dir, `data-${this.nodeID}`);
  }

  async spawn() {
    await mkdir(this.dir, { recursive: true });
    this.#runs += 1;
    const log = createWriteStream(join(this.#dir, `${this.name}.${this.#runs}.log`));
    const child = spawn(this.#command, { shell: true, detached: true, stdio: ['pipe', 'pipe', 'pipe'] });
    this.#child = child;
    this.isUp = true;
    this.exit = undefined;
    this.expected = false;
    child.stderr.pipe(log);
    child.stdin.on('error', () => undefined);
    createInterface({ input: child.stdout }).on('line', (line) => this.#take(line, log));
    child.once('exit', (code, signal) => {
      if (child !== this.#child) return;
      this.isUp = false;
      this.exit = { code, signal };
      for (const { reject } of this.#pending.values())
        reject(new Error(`${this.name} has ended: ${code ?? signal}`));
      this.#pending.clear();
    });
  }

  /** @returns what the host answered; rejects with what it said went wrong */
  call(op, fields = {}) {
    if (!this.isUp) return Promise.reject(new Error(`${this.name} is down`));
    const id = this.#nextID++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#pending.delete(id);
        reject(new Error(`${this.name} did not answer ${op}`));
      }, ANSWER_TIMEOUT_MS);
      const settle = (end) => (value) => {
        clearTimeout(timer);
        end(value);
      };
      this.#pending.set(id, { resolve: settle(resolve), reject: settle(reject) });
      this.#child.stdin.write(`${JSON.stringify({ id, op, ...fields })}\n`);
    });
  }

  /** As a power failure of the process: nothing is said to anybody. */
  async kill() {
    const child = this.#child;
    if (child === undefined || !this.isUp) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    this.expected = true;
    process.kill(-child.pid, 'SIGKILL');
    await gone;
  }

  /** Anything else on the line is a log of the host's. */
  #take(line, log) {
    let answer;
    try {
      answer = JSON.parse(line);
    } catch {
      answer = {};
    }
    const waiting = this.#pending.get(answer.id);
    if (waiting === undefined) {
      log.write(`${line}\n`);
      return;
    }
    this.#pending.delete(answer.id);
    if (answer.ok) waiting.resolve(answer);
    else waiting.reject(new Error(`${this.name}: ${answer.error}`));
  }
}
