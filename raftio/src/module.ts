import type { ContainerModule } from 'inversify';
import type { LogDBCapabilities } from './logdb.js';
import type { RaftRPCCapabilities } from './rpc.js';

/** Service identifiers of what an adapter package binds; `Symbol.for`, so that copies of this package agree. */
export const LogDBFactoryID = Symbol.for('@drakkar/raftio/LogDBFactory');
export const RaftRPCFactoryID = Symbol.for('@drakkar/raftio/RaftRPCFactory');

/** A JSON Schema (draft 7) of type object; what the config file may say under `options`. */
export type OptionsSchema = Readonly<Record<string, unknown>>;

interface AdapterModuleBase {
  /** Short name for logs and messages, e.g. `lmdb`. */
  readonly name: string;
  readonly optionsSchema: OptionsSchema;
  /**
   * The bindings of this adapter for options that have passed `optionsSchema`: a `LogDBFactory` to `LogDBFactoryID`,
   * or a `RaftRPCFactory` to `RaftRPCFactoryID`.
   */
  createModule(options: Readonly<Record<string, unknown>>): ContainerModule;
}

export interface LogDBModule extends AdapterModuleBase {
  readonly kind: 'logdb';
  readonly capabilities: LogDBCapabilities;
}

export interface RaftRPCModule extends AdapterModuleBase {
  readonly kind: 'transport';
  readonly capabilities: RaftRPCCapabilities;
}

/** What an adapter package exports, by the name `adapterModule`, to be chosen by configuration. */
export type AdapterModule = LogDBModule | RaftRPCModule;
