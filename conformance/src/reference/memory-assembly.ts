import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type ILogDB,
  type LogDBFactory,
  type LogDBModule,
  type RaftRPCFactory,
  type RaftRPCModule,
} from '@drakkar/raftio';
import type { AssemblyHarness } from '../assembly/harness.js';
import { MemoryHub } from './memory-hub.js';
import { MEMORY_LOGDB_CAPABILITIES, MemoryLogDB, MemoryPlace } from './memory-logdb.js';
import type { MakeMemoryRPC } from './memory-rpc-harness.js';
import { MEMORY_RPC_CAPABILITIES, MemoryRPC } from './memory-rpc.js';

const optionsSchema = { type: 'object', additionalProperties: false, properties: {} };

/** LogDBs in memory, one for each directory; what was saved outlives the host, as long as the module does. */
function memoryLogDBModule(open: (place: MemoryPlace) => ILogDB): LogDBModule {
  const places = new Map<string, MemoryPlace>();
  const factory: LogDBFactory = ({ dir }) => {
    const place = places.get(dir) ?? new MemoryPlace();
    places.set(dir, place);
    return Promise.resolve().then(() => open(place));
  };
  return {
    kind: 'logdb',
    name: 'memory',
    capabilities: MEMORY_LOGDB_CAPABILITIES,
    optionsSchema,
    create: () => factory,
  };
}

function memoryRPCModule(hub: MemoryHub, make: MakeMemoryRPC): RaftRPCModule {
  const factory: RaftRPCFactory = (config, requestHandler, chunkSinkFactory) =>
    make(hub, config, requestHandler, chunkSinkFactory);
  return {
    kind: 'transport',
    name: 'memory',
    capabilities: MEMORY_RPC_CAPABILITIES,
    optionsSchema,
    create: () => factory,
  };
}

/** The references together, or variants of them. */
export function memoryAssemblyHarness(
  open: (place: MemoryPlace) => ILogDB = (place) => new MemoryLogDB(place),
  make: MakeMemoryRPC = (hub, config, handler, sinks) => new MemoryRPC(hub, config, handler, sinks),
): AssemblyHarness {
  return {
    name: 'references',
    capabilities: { ...MEMORY_LOGDB_CAPABILITIES, ...MEMORY_RPC_CAPABILITIES },
    setup: async () => {
      const hub = new MemoryHub();
      const folder = await mkdtemp(join(tmpdir(), 'drakkar-assembly-'));
      return {
        logdb: { module: memoryLogDBModule(open) },
        transport: { module: memoryRPCModule(hub, make) },
        folder,
        newAddress: () => Promise.resolve(hub.newAddress()),
        teardown: () => rm(folder, { recursive: true, force: true }),
      };
    },
  };
}
