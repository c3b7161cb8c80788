import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/**
 * What is made wrong, and the adapter (a name that `npm run conformance -- --adapter` knows) by which the suite asks.
 * Tests and options, of which no contract speaks, are left out.
 */
const TARGETS = [
  { name: 'logdb-lmdb', sources: 'logdb-lmdb/src', adapter: 'logdb-lmdb' },
  { name: 'logdb-leveldb', sources: 'logdb-leveldb/src', adapter: 'logdb-leveldb' },
  { name: 'logdb-wal', sources: 'logdb-wal/src', adapter: 'logdb-wal' },
  { name: 'raftio-kv', sources: 'raftio/src/kv', adapter: 'logdb-lmdb' },
  { name: 'raftio-transport', sources: 'raftio/src/transport', adapter: 'transport-ws' },
  { name: 'transport-ws', sources: 'transport-ws/src', adapter: 'transport-ws' },
  { name: 'transport-tcp', sources: 'transport-tcp/src', adapter: 'transport-tcp:drakkar' },
  { name: 'transport-grpc', sources: 'transport-grpc/src', adapter: 'transport-grpc' },
  { name: 'transport-quic', sources: 'transport-quic/src', adapter: 'transport-quic:quic' },
  { name: 'logdb-sqlite', sources: 'examples/logdb-sqlite/src', adapter: 'logdb-sqlite' },
  { name: 'example-tcp', sources: 'examples/transport-tcp/src', adapter: 'example-tcp' },
];

/** Those of which the sources are there. */
export function targetsIn(root) {
  return TARGETS.filter(({ sources }) => existsSync(join(root, sources)));
}

/** The source files of a target, relative to `root`. */
export function filesOf(root, { sources }) {
  return readdirSync(join(root, sources), { recursive: true })
    .map((file) => file.replaceAll('\\', '/'))
    .filter((file) => /\.[jt]s$/.test(file) && !file.endsWith('.d.ts') && !/(\.test|-suite)\.ts$/.test(file))
    .filter((file) => !/(^|\/)(testing|suite|node_modules)\/|(^|\/)options\.ts$/.test(file))
    .sort()
    .map((file) => `${sources}/${file}`);
}

/** The compiled file that runs in place of a source file. */
export function compiledOf(file) {
  return file.replace('/src/', '/dist/').replace(/\.ts$/, '.js');
}
