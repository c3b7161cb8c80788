import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ErrTLS } from '@drakkar/raftio';
import { loadNodeHostConfig } from '../config/load.js';
import type { NodeHostServices } from '../di/build-container.js';
import { NodeFileSystem } from '../fs/node-file-system.js';
import { type LogFields, silentLogger } from '../logging/logger.js';
import { PinoLoggerFactory } from '../logging/pino-logger.js';
import { reload } from './reload.js';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'drakkar-reload-'));
});
afterEach(() => rm(dir, { recursive: true }));

describe('reload', () => {
  it('changes log levels, and logs what needs a restart; what can not be used is left as it was', async () => {
    const file = join(dir, 'host.yaml');
    const write = (more: string): Promise<void> =>
      writeFile(file, `raftAddress: 127.0.0.1:1\nnodeHostDir: data\n${more}`);
    await write('log: { level: warn, modules: { raft: error } }\n');
    const { config } = await loadNodeHostConfig(file);
    const lines: string[] = [];
    const loggerFactory = new PinoLoggerFactory(config.log, { write: (line) => void lines.push(line) });
    const warned: [string, LogFields | undefined][] = [];
    const services = {
      config,
      loggerFactory,
      fileSystem: new NodeFileSystem(),
    } as unknown as NodeHostServices;
    const failures: Error[] = [];
    const run = (): Promise<void> =>
      reload({
        file,
        services,
        transport: {
          reload: () => (failures[0] === undefined ? Promise.resolve() : Promise.reject(failures[0])),
        },
        certificates: undefined,
        log: { ...silentLogger, warn: (message, fields) => void warned.push([message, fields]) },
      });
    const logged = (): number => {
      lines.length = 0;
      for (const module of ['raft', 'rsm'] as const) {
        loggerFactory.getLogger(module).info('i');
        loggerFactory.getLogger(module).warn('w');
      }
      return lines.length;
    };
    expect(logged()).toBe(1);
    await write('log: { level: info }\n');
    await run();
    expect(logged()).toBe(4);
    await write('log: { level: noisy }\n');
    await expect(run()).rejects.toMatchObject({ code: 'ERR_INVALID_CONFIG' });
    expect(logged()).toBe(4);
    expect(warned).toEqual([]);
    await write('rttMillisecond: 50\nlogdb: { module: leveldb }\nlog: { level: error }\n');
    failures.push(new ErrTLS('no key'));
    await expect(run()).rejects.toBe(failures[0]);
    expect(logged()).toBe(0);
    expect(warned.map(([, fields]) => fields)).toEqual([{ keys: ['rttMillisecond', 'logdb'] }]);
  });
});
