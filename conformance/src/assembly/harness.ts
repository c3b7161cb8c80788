import type { AdapterConfigInput } from '@drakkar/framework';
import type { LogDBCapabilities, RaftRPCCapabilities } from '@drakkar/raftio';
import type { TLSFixtures } from '../rpc/harness.js';

/** What a LogDB and a transport declare, together. */
export type AssemblyCapabilities = LogDBCapabilities & RaftRPCCapabilities;

/** Where the hosts of one case live and meet. */
export interface AssemblySite {
  logdb: AdapterConfigInput;
  transport: AdapterConfigInput;
  /** Data directories of the hosts are made in it. */
  folder: string;
  /** A raft address (`host:port`) at which nobody listens. */
  newAddress(): Promise<string>;
  /** Needed where mutual TLS is declared. */
  tls?: TLSFixtures;
  /** Called once, however the case ended; every host has been stopped before. */
  teardown(): Promise<void>;
}

/** A LogDB and a transport to be used together. */
export interface AssemblyHarness {
  name: string;
  capabilities: AssemblyCapabilities;
  setup(): Promise<AssemblySite>;
  /** Case id → why it fails for now. Such a case must fail: one that passes is reported. */
  knownGaps?: Readonly<Record<string, string>>;
  /** Why the pair can't run here; it is reported so, never as passed. */
  unavailable?: string;
}
