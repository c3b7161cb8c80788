import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ContainerModule, type ContainerModuleLoadOptions } from 'inversify';
import {
  type AdapterModule,
  type BindingAdapterModule,
  type LogDBFactory,
  LogDBFactoryID,
  type LogDBModule,
  type RaftRPCFactory,
  RaftRPCFactoryID,
  type RaftRPCModule,
} from '@drakkar/raftio';
import type { NodeHostConfigInput } from '../config/node-host-config.js';
import { loadNodeHostConfig } from '../config/load.js';
import { type IClock, ClockID, SystemClock } from '../runtime/clock.js';
import { type ILoggerFactory, LoggerFactoryID, silentLoggerFactory } from '../logging/logger.js';
import { buildContainer } from './build-container.js';
import type { ModuleLoader } from './load-adapter.js';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'drakkar-di-'));
});
afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

const logDBFactory: LogDBFactory = () => Promise.reject(new Error('not opened here'));
const raftRPCFactory: RaftRPCFactory = () => {
  throw new Error('not started here');
};

function logDBModule(changes: Partial<LogDBModule> = {}): LogDBModule {
  return {
    kind: 'logdb',
    name: 'testdb',
    capabilities: { shrinksOnCompaction: false, exclusiveOpen: true, durable: true },
    optionsSchema: {
      type: 'object',
      additionalProperties: false,
      properties: { mapSizeBytes: { type: 'integer', minimum: 1, default: 4096 } },
    },
    create: () => logDBFactory,
    ...changes,
  };
}

function transportModule(changes: Partial<RaftRPCModule> = {}): RaftRPCModule {
  return {
    kind: 'transport',
    name: 'testrpc',
    capabilities: { mutualTLS: false, snapshots: true, network: true },
    optionsSchema: { type: 'object', additionalProperties: false, properties: {} },
    create: () => raftRPCFactory,
    ...changes,
  };
}

/** A LogDB as of version 0.1, which binds its factory itself. */
function bindingLogDBModule(load: (options: ContainerModuleLoadOptions) => void): BindingAdapterModule {
  const { kind, name, capabilities, optionsSchema } = logDBModule();
  return { kind, name, capabilities, optionsSchema, createModule: () => new ContainerModule(load) };
}

/** Packages that are installed, by name, with what they export. */
function loaderOf(packages: Readonly<Record<string, unknown>>): ModuleLoader {
  const missing = (name: string): Error =>
    Object.assign(new Error(`Cannot find package '${name}'`), { code: 'ERR_MODULE_NOT_FOUND' });
  return {
    resolvePackage: (name) => {
      throw missing(name);
    },
    importModule: (specifier) =>
      specifier in packages ? Promise.resolve(packages[specifier]) : Promise.reject(missing(specifier)),
  };
}

const BASE: NodeHostConfigInput = { raftAddress: 'a:1', nodeHostDir: '/data' };
const IN_CODE: NodeHostConfigInput = {
  ...BASE,
  logdb: { module: logDBModule() },
  transport: { module: transportModule() },
};

describe('buildContainer', () => {
  it('puts the services together, for modules given in code', async () => {
    const services = await buildContainer(IN_CODE);
    expect(services.logDBFactory).toBe(logDBFactory);
    expect(services.raftRPCFactory).toBe(raftRPCFactory);
    expect([services.logDBName, services.transportName]).toEqual(['testdb', 'testrpc']);
    expect(services.config.logdb.options).toEqual({ mapSizeBytes: 4096 });
    expect(services.adapters.transport?.capabilities).toMatchObject({ network: true });
    expect(services.clock.nowMs()).toBeGreaterThan(0);
    expect(services.random.nextInt(1)).toBe(0);
    expect(await services.fileSystem.stat(dir)).toMatchObject({ kind: 'directory' });
    expect(services.get(Symbol.for('unknown'))).toBeUndefined();
    expect(services.configSource).toBe('object');
  });

  it('takes a configuration loaded before, and leaves it as it is', async () => {
    const loaded = await loadNodeHostConfig(IN_CODE);
    const services = await buildContainer(loaded);
    expect(services.config).toEqual({
      ...loaded.config,
      logdb: { ...loaded.config.logdb, options: { mapSizeBytes: 4096 } },
    });
    expect(loaded.config.logdb.options).toEqual({});
    expect(Object.isFrozen(services.config.logdb.options)).toBe(true);
  });

  it('takes short names and package names', async () => {
    const moduleLoader = loaderOf({
      '@drakkar/logdb-lmdb': { adapterModule: logDBModule({ name: 'lmdb' }) },
      'their-transport': { default: { adapterModule: transportModule({ name: 'theirs' }) } },
    });
    const services = await buildContainer(
      { ...BASE, transport: { module: 'their-transport' } },
      { moduleLoader },
    );
    expect([services.logDBName, services.transportName]).toEqual(['lmdb', 'theirs']);
  });

  it('takes an adapter of version 0.1, which binds its factory itself', async () => {
    const module = bindingLogDBModule(({ bind }) => {
      bind<LogDBFactory>(LogDBFactoryID).toConstantValue(logDBFactory);
    });
    expect((await buildContainer({ ...IN_CODE, logdb: { module } })).logDBFactory).toBe(logDBFactory);
    const moduleLoader = loaderOf({ 'old-db': { adapterModule: module } });
    const services = await buildContainer({ ...IN_CODE, logdb: { module: 'old-db' } }, { moduleLoader });
    expect(services.logDBFactory).toBe(logDBFactory);
  });

  it('hands the adapter the options, with defaults', async () => {
    const given: unknown[] = [];
    const module = logDBModule();
    const logdb = {
      module: {
        ...module,
        create: (options: Readonly<Record<string, unknown>>) => {
          given.push(options);
          return module.create(options);
        },
      },
    };
    await buildContainer({ ...IN_CODE, logdb });
    expect(given).toEqual([{ mapSizeBytes: 4096 }]);
  });
});

describe('adapters on the disk', () => {
  const SOURCE = (kind: string, name: string): string => `
    exports.adapterModule = {
      kind: '${kind}', name: '${name}', optionsSchema: { type: 'object' },
      capabilities: ${JSON.stringify((kind === 'logdb' ? logDBModule() : transportModule()).capabilities)},
      create: () => undefined,
    };`;

  it('are found by a path relative to the configuration file, and by name from its folder', async () => {
    await mkdir(join(dir, 'node_modules', 'their-rpc'), { recursive: true });
    await writeFile(join(dir, 'my-db.cjs'), SOURCE('logdb', 'mine'));
    await writeFile(join(dir, 'node_modules', 'their-rpc', 'index.js'), SOURCE('transport', 'theirs'));
    await writeFile(
      join(dir, 'raft.yaml'),
      'raftAddress: a:1\nnodeHostDir: d\nlogdb: { module: ./my-db.cjs }\ntransport: { module: their-rpc }\n',
    );
    // Both are loaded; that the first binds nothing is what it is refused for.
    await expect(buildContainer(join(dir, 'raft.yaml'))).rejects.toMatchObject({
      code: 'ERR_INVALID_MODULE',
      message: expect.stringContaining("logdb.module: the logdb 'mine' ") as unknown as string,
    });
  });

  it('are missed with the path that was looked at', async () => {
    await expect(
      buildContainer({ ...IN_CODE, logdb: { module: './nope.js' } }, { baseDir: dir }),
    ).rejects.toMatchObject({
      code: 'ERR_MODULE_NOT_FOUND',
      message: `logdb.module: there is no module at ${join(dir, 'nope.js')}; if it has to be compiled, has it been?`,
    });
  });

  it('are never advised to be installed where a folder of that name lies', async () => {
    await mkdir(join(dir, 'my-store'));
    await expect(
      buildContainer({ ...IN_CODE, logdb: { module: 'my-store' } }, { baseDir: dir }),
    ).rejects.toMatchObject({
      message: 'logdb.module: there is no package my-store; did you mean "./my-store"?',
    });
  });

  it('are looked for under the main file of a folder, and asked of nothing else', async () => {
    await mkdir(join(dir, 'no-main', 'dist'), { recursive: true });
    await writeFile(join(dir, 'no-main', 'dist', 'index.js'), SOURCE('logdb', 'mine'));
    await expect(
      buildContainer({ ...IN_CODE, logdb: { module: './no-main' } }, { baseDir: dir }),
    ).rejects.toMatchObject({
      code: 'ERR_MODULE_NOT_FOUND',
      message: `logdb.module: there is no module at ${join(dir, 'no-main')}; the package.json of a folder must name its file under "main"`,
    });
    await cp(join(dir, 'no-main'), join(dir, 'with-main'), { recursive: true });
    await writeFile(join(dir, 'with-main', 'package.json'), '{ "main": "dist/index.js" }');
    await expect(
      buildContainer({ ...IN_CODE, logdb: { module: './with-main' } }, { baseDir: dir }),
    ).rejects.toMatchObject({ message: expect.stringContaining("the logdb 'mine' ") as unknown as string });
  });

  it('are to be compiled first where Node.js does not read their source', async () => {
    await writeFile(join(dir, 'mine.ts'), 'export const adapterModule = {};');
    const error = Object.assign(new Error('Unknown file extension ".ts"'), {
      code: 'ERR_UNKNOWN_FILE_EXTENSION',
    });
    const moduleLoader = {
      importModule: () => Promise.reject(error),
      resolvePackage: (name: string) => name,
    };
    await expect(
      buildContainer({ ...IN_CODE, logdb: { module: './mine.ts' } }, { baseDir: dir, moduleLoader }),
    ).rejects.toMatchObject({
      code: 'ERR_INVALID_MODULE',
      message: `logdb.module: ${join(dir, 'mine.ts')} can't be loaded: Unknown file extension ".ts"; name the file that it is compiled to`,
    });
  });

  it('are refused with the reason when they throw', async () => {
    await writeFile(join(dir, 'bad.cjs'), "throw new Error('no native code for this platform')");
    await expect(
      buildContainer({ ...IN_CODE, logdb: { module: './bad.cjs' } }, { baseDir: dir }),
    ).rejects.toMatchObject({
      code: 'ERR_INVALID_MODULE',
      message: `logdb.module: ${join(dir, 'bad.cjs')} can't be loaded: no native code for this platform`,
    });
  });
});

describe('an adapter that can not be used', () => {
  it.each<[string, string, string]>([
    [
      'lmdb',
      'ERR_MODULE_NOT_FOUND',
      'logdb.module: the package @drakkar/logdb-lmdb is not installed; install it with: npm install @drakkar/logdb-lmdb',
    ],
    ['lmbd', 'ERR_MODULE_NOT_FOUND', 'logdb.module: there is no package lmbd; did you mean "lmdb"?'],
    [
      '@acme/raft-store',
      'ERR_MODULE_NOT_FOUND',
      'logdb.module: the package @acme/raft-store is not installed; install it with: npm install @acme/raft-store',
    ],
    [
      'My Store; rm -rf /',
      'ERR_INVALID_MODULE',
      'logdb.module: must be a short name, a package name, or a path that starts with ./ or ../ or is absolute, but is "My Store; rm -rf /"',
    ],
    [
      'left-pad',
      'ERR_INVALID_MODULE',
      'logdb.module: "left-pad" has no export named adapterModule, so it is no adapter; it exports default',
    ],
    [
      'a-transport',
      'ERR_INVALID_MODULE',
      'logdb.module: the adapterModule of "a-transport" is the transport \'testrpc\', but a logdb is wanted here',
    ],
    ['no-name', 'ERR_INVALID_MODULE', 'logdb.module: the adapterModule of "no-name" has no `name`'],
    [
      'my-store.js',
      'ERR_MODULE_NOT_FOUND',
      'logdb.module: there is no package my-store.js; did you mean "./my-store.js"?',
    ],
    [
      'no-capability',
      'ERR_INVALID_MODULE',
      'logdb.module: the adapterModule of "no-capability" does not state `capabilities.durable` as true or false',
    ],
    [
      'no-schema',
      'ERR_INVALID_MODULE',
      'logdb.module: the adapterModule of "no-schema" has no `optionsSchema`',
    ],
    [
      'bad-schema',
      'ERR_INVALID_MODULE',
      expect.stringMatching(
        /^logdb\.module: the optionsSchema of 'testdb' is no JSON Schema \(draft 7\): /,
      ) as unknown as string,
    ],
    [
      'not-loading',
      'ERR_INVALID_MODULE',
      expect.stringMatching(
        /^logdb\.module: the logdb 'testdb' could not be set up: out of luck$/,
      ) as unknown as string,
    ],
    [
      'no-factory',
      'ERR_INVALID_MODULE',
      "logdb.module: the logdb 'testdb' has created no factory: what `create` returns must be a function",
    ],
    [
      'nothing-made',
      'ERR_INVALID_MODULE',
      'logdb.module: the adapterModule of "nothing-made" has no `create` function',
    ],
    [
      'not-binding',
      'ERR_INVALID_MODULE',
      "logdb.module: the logdb 'testdb' binds nothing to @drakkar/raftio/LogDBFactory",
    ],
    [
      'binding-no-function',
      'ERR_INVALID_MODULE',
      'logdb.module: what is bound to @drakkar/raftio/LogDBFactory is not a function',
    ],
  ])('%s: %s', async (module, code, message) => {
    const moduleLoader = loaderOf({
      'left-pad': { default: () => '' },
      'a-transport': { adapterModule: transportModule() },
      'no-name': { adapterModule: logDBModule({ name: '' }) },
      'no-capability': {
        adapterModule: { ...logDBModule(), capabilities: { shrinksOnCompaction: true, exclusiveOpen: true } },
      },
      'no-schema': { adapterModule: { ...logDBModule(), optionsSchema: undefined } },
      'bad-schema': { adapterModule: logDBModule({ optionsSchema: { type: 'nonsense' } }) },
      'not-loading': {
        adapterModule: logDBModule({
          create: () => {
            throw new Error('out of luck');
          },
        }),
      },
      'no-factory': { adapterModule: logDBModule({ create: (() => ({})) as never }) },
      'nothing-made': { adapterModule: { ...logDBModule(), create: undefined } },
      'not-binding': { adapterModule: bindingLogDBModule(() => undefined) },
      'binding-no-function': {
        adapterModule: bindingLogDBModule(({ bind }) => void bind(LogDBFactoryID).toConstantValue({})),
      },
    });
    await expect(buildContainer({ ...IN_CODE, logdb: { module } }, { moduleLoader })).rejects.toMatchObject({
      code,
      message,
    });
  });

  it('is reported when a package that it needs is missing, by that name', async () => {
    const importModule = (): Promise<unknown> =>
      Promise.reject(
        Object.assign(new Error("Cannot find package 'lmdb' imported from its folder"), {
          code: 'ERR_MODULE_NOT_FOUND',
        }),
      );
    const moduleLoader = { importModule, resolvePackage: () => '/app/node_modules/store/index.js' };
    await expect(
      buildContainer({ ...IN_CODE, logdb: { module: 'store' } }, { moduleLoader }),
    ).rejects.toMatchObject({
      code: 'ERR_INVALID_MODULE',
      message:
        "logdb.module: the package store can't be loaded: Cannot find package 'lmdb' imported from its folder",
    });
  });

  it('given in code, is looked at just as well', async () => {
    const module = { kind: 'logdb' } as unknown as AdapterModule;
    await expect(buildContainer({ ...IN_CODE, logdb: { module } })).rejects.toMatchObject({
      code: 'ERR_INVALID_MODULE',
      message: 'logdb.module: the module given in code has no `name`',
    });
  });
});

describe('mistakes', () => {
  it('are reported together, of options, modules and the rest, with their lines', async () => {
    const path = join(dir, 'raft.yaml');
    await writeFile(
      path,
      `raftAddress: nowhere
nodeHostDir: d
logdb:
  module: store
  options:
    mapSize: 1
transport:
  module: wz
`,
    );
    const moduleLoader = loaderOf({ store: { adapterModule: logDBModule() } });
    await expect(buildContainer(path, { moduleLoader })).rejects.toMatchObject({
      code: 'ERR_INVALID_CONFIG',
      message: `3 mistakes in the configuration of the NodeHost in ${path}:
  - line 1, column 1: raftAddress: must be host:port, as in "10.0.0.1:63001", "node-1.example.com:63001" or "[::1]:63001", but is "nowhere"
  - line 6, column 5: logdb.options.mapSize: unknown key; did you mean "mapSizeBytes"?
  - line 8, column 3: transport.module: there is no package wz; did you mean "ws"?`,
    });
  });

  it('mutual TLS with a transport that has none', async () => {
    for (const name of ['ca', 'cert', 'key']) await writeFile(join(dir, name), '');
    const tls = { mutualTls: true, caFile: 'ca', certFile: 'cert', keyFile: 'key' };
    await expect(buildContainer({ ...IN_CODE, ...tls }, { baseDir: dir })).rejects.toMatchObject({
      code: 'ERR_INVALID_CONFIG',
      problems: [{ path: 'mutualTls', message: "the transport 'testrpc' does not support mutual TLS" }],
    });
  });
});

describe('overrides', () => {
  const clock: IClock = new SystemClock();

  it.each([
    ['a module', new ContainerModule(({ bind }) => void bind(ClockID).toConstantValue(clock))],
    [
      'a module that rebinds',
      new ContainerModule(({ rebind }) => void rebind(ClockID).toConstantValue(clock)),
    ],
  ])('%s goes before the defaults', async (_, overrides) => {
    expect((await buildContainer(IN_CODE, { overrides })).clock).toBe(clock);
  });

  it('a function does too, and may bind services of its own', async () => {
    const modules: string[] = [];
    const loggerFactory: ILoggerFactory = {
      getLogger: (module) => {
        modules.push(module);
        return silentLoggerFactory.getLogger(module);
      },
    };
    const services = await buildContainer(IN_CODE, {
      overrides: (container) => {
        container.bind(LoggerFactoryID).toConstantValue(loggerFactory);
        container.bind(Symbol.for('mine')).toConstantValue(7);
      },
    });
    services.loggerFactory.getLogger('nodehost');
    expect(modules).toContain('nodehost');
    expect(services.get(Symbol.for('mine'))).toBe(7);
  });

  it('need no adapter to be installed, when they bind both factories', async () => {
    const services = await buildContainer(BASE, {
      moduleLoader: loaderOf({}),
      overrides: (container) => {
        container.bind(LogDBFactoryID).toConstantValue(logDBFactory);
        container.bind(RaftRPCFactoryID).toConstantValue(raftRPCFactory);
      },
    });
    expect([services.logDBName, services.transportName]).toEqual(['custom', 'custom']);
    expect(services.adapters).toEqual({});
    expect(services.logDBFactory).toBe(logDBFactory);
  });
});
