import type { AdapterModule } from '@drakkar/raftio';
import { isAbsolute } from 'node:path';

/** Adapters of this project, by the short names that a configuration may use. */
const SHORT_NAMES: Readonly<Record<AdapterModule['kind'], Readonly<Record<string, string>>>> = {
  logdb: { lmdb: '@drakkar/logdb-lmdb', leveldb: '@drakkar/logdb-leveldb', wal: '@drakkar/logdb-wal' },
  transport: {
    ws: '@drakkar/transport-ws',
    grpc: '@drakkar/transport-grpc',
    quic: '@drakkar/transport-quic',
    tcp: '@drakkar/transport-tcp',
  },
};

const PACKAGE_NAME = /^(?:@[a-z0-9~-][a-z0-9._~-]*\/)?[a-z0-9~-][a-z0-9._~-]*$/;

export type ModuleReference =
  { kind: 'package'; name: string } | { kind: 'path'; path: string } | { kind: 'invalid' };

/** What a configured module name stands for. */
export function parseModuleName(section: AdapterModule['kind'], name: string): ModuleReference {
  const short = SHORT_NAMES[section];
  if (Object.hasOwn(short, name)) return { kind: 'package', name: short[name] ?? name };
  if (/^\.\.?[\\/]/.test(name) || isAbsolute(name)) return { kind: 'path', path: name };
  return PACKAGE_NAME.test(name) ? { kind: 'package', name } : { kind: 'invalid' };
}

/** Every name that could have been meant by a misspelt one. */
export function knownModuleNames(section: AdapterModule['kind']): string[] {
  return Object.entries(SHORT_NAMES[section]).flat();
}
