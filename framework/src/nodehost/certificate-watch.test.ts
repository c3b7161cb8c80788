import { describe, expect, it } from '@jest/globals';
import { TestCA } from '@drakkar/raftio/transport/testing';
import type { CertificateExpiresEvent, FilesExposedEvent } from '../events/host-listener.js';
import { NodeFileSystem } from '../fs/node-file-system.js';
import { silentLogger } from '../logging/logger.js';
import { ManualClock } from '../runtime/testing/manual-clock.js';
import { CertificateWatch } from './certificate-watch.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

class Now extends ManualClock {
  readonly #startMs = Date.now();
  wrongByMs = 0;

  override wallTimeMs(): number {
    return this.#startMs + this.wrongByMs + this.nowMs();
  }
}

interface SetUp {
  clock: Now;
  files: Map<string, string>;
  told: CertificateExpiresEvent[];
  lines: string[];
  watch: CertificateWatch;
  /** Of the key. */
  access: { mode: number; ownerID: number };
  exposed: string[];
}

function setUp(): SetUp {
  const clock = new Now();
  const files = new Map<string, string>();
  const told: CertificateExpiresEvent[] = [];
  const lines: string[] = [];
  const fileSystem = new NodeFileSystem();
  fileSystem.readFile = (path) => {
    const text = files.get(path);
    return text === undefined ? Promise.reject(new Error('none')) : Promise.resolve(Buffer.from(text));
  };
  const access = { mode: 0o600, ownerID: 1 };
  fileSystem.stat = () => Promise.resolve({ kind: 'file', sizeBytes: 0, access });
  const exposed: string[] = [];
  const watch = new CertificateWatch({
    files: { caFile: 'ca', certFile: 'cert', keyFile: 'key' },
    fileSystem,
    clock,
    events: {
      emit: (name, event) => {
        if (name === 'certificateExpires') told.push(event as CertificateExpiresEvent);
        else exposed.push(`${name} ${(event as FilesExposedEvent).mode}`);
      },
    },
    log: {
      ...silentLogger,
      warn: (message) => void lines.push(`warn: ${message}`),
      error: (message) => void lines.push(`error: ${message}`),
    },
  });
  return { clock, files, told, lines, watch, access, exposed };
}

/** The time in steps of an hour, in which the watch has its turn. */
async function passDays(clock: Now, days: number): Promise<void> {
  for (let hour = 0; hour < days * 24; hour += 12) {
    clock.advance(12 * HOUR_MS);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Puts a certificate that is valid for so many days, and its CA, in place. */
async function issue(files: Map<string, string>, days: number): Promise<void> {
  const ca = await TestCA.create('CA', 400);
  files.set('ca', ca.pem);
  files.set('cert', (await ca.issue({ commonName: 'a', dns: ['a'], toDays: days })).certificate);
}

describe('CertificateWatch', () => {
  it('warns of a key that others can read, once for each mode, and again after it was in order', async () => {
    const { access, exposed, lines, watch } = setUp();
    for (const mode of [0o600, 0o644, 0o644, 0o600, 0o644, 0o666]) {
      access.mode = mode;
      await watch.look();
    }
    expect(exposed).toEqual(['filesExposed 0644', 'filesExposed 0644', 'filesExposed 0666']);
    expect(lines).toHaveLength(3);
    expect(lines[0]).toContain('can read the key');
  });

  it('warns 30, 7 and 1 days before the end, and at the end, once each', async () => {
    const { clock, files, told, lines, watch } = setUp();
    await issue(files, 50);
    await watch.start();
    expect(told).toEqual([]);
    await passDays(clock, 60);
    expect(told.map(({ daysLeft }) => daysLeft)).toEqual([29, 6, 0, -1]);
    expect(told[0]).toMatchObject({ setting: 'certFile', file: 'cert', subject: 'CN=a' });
    expect(Math.abs((told[0]?.expiresMs ?? 0) - (Date.now() + 50 * DAY_MS))).toBeLessThan(HOUR_MS);
    expect(lines.map((line) => line.slice(0, 5))).toEqual(['warn:', 'warn:', 'error', 'error']);
    expect(lines[3]).toContain('expired on');
    watch.stop();
    expect(clock.timerCount).toBe(0);
  });

  it('warns in time after the clock was wrong for a while', async () => {
    const { clock, files, told, watch } = setUp();
    await issue(files, 50);
    await watch.start();
    clock.wrongByMs = 100 * DAY_MS;
    await passDays(clock, 1);
    clock.wrongByMs = 0;
    await passDays(clock, 59);
    expect(told.map(({ daysLeft }) => daysLeft)).toEqual([-51, 29, 6, 0, -1]);
    watch.stop();
  });

  it('goes by what the file has now, and looks at every certificate of the CA', async () => {
    const { clock, files, told, watch } = setUp();
    const [ca, old] = [await TestCA.create('CA', 400), await TestCA.create('CA', 20.5)];
    files.set('ca', ca.pem + old.pem);
    files.set('cert', (await ca.issue({ commonName: 'a', dns: ['a'], toDays: 31 })).certificate);
    await watch.start();
    expect(told.map(({ setting, daysLeft }) => [setting, daysLeft])).toEqual([['caFile', 20]]);
    files.set('cert', (await ca.issue({ commonName: 'a', dns: ['a'], toDays: 300 })).certificate);
    await passDays(clock, 5);
    expect(told).toHaveLength(1);
    files.delete('ca');
    files.set('cert', 'no certificate');
    await passDays(clock, 1);
    expect(told).toHaveLength(1);
    watch.stop();
  });

  it('warns only of the end of a certificate that a program replaces every day', async () => {
    const { clock, files, told, watch } = setUp();
    await issue(files, 1);
    await watch.start();
    expect(told).toEqual([]);
    await passDays(clock, 2);
    expect(told.map(({ daysLeft }) => daysLeft)).toEqual([-1]);
    watch.stop();
  });
});
