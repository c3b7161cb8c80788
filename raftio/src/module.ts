import type { LogDBCapabilities, LogDBFactory } from './logdb.js';
import type { RaftRPCCapabilities, RaftRPCFactory } from './rpc.js';

/** Service identifiers that the framework binds an adapter's factory to; `Symbol.for`, so that copies of this package agree. */
export const LogDBFactoryID = Symbol.for('@drakkar/raftio/LogDBFactory');
export const RaftRPCFactoryID = Symbol.for('@drakkar/raftio/RaftRPCFactory');

/** A JSON Schema (draft 7) of type object; what the config file may say under `options`. */
export type OptionsSchema = Readonly<Record<string, unknown>>;

interface AdapterModuleBase<Factory> {
  /** Short name for logs and messages, e.g. `lmdb`. */
  readonly name: string;
  readonly optionsSchema: OptionsSchema;
  /**
   * The factory of this adapter for options that have passed `optionsSchema`; nothing is opened yet. Throws what says why
   * for options that it can't take: it may be called by hand.
   */
  create(options: Readonly<Record<string, unknown>>): Factory;
}

export interface LogDBModule extends AdapterModuleBase<LogDBFactory> {
  readonly kind: 'logdb';
  readonly capabilities: LogDBCapabilities;
}

export interface RaftRPCModule extends AdapterModuleBase<RaftRPCFactory> {
  readonly kind: 'transport';
  readonly capabilities: RaftRPCCapabilities;
}

/** What an adapter package exports, by the name `adapterModule`, to be chosen by configuration. */
export type AdapterModule = LogDBModule | RaftRPCModule;

/**
 * An adapter as of version 0.1, which is still taken: `createModule` returns a `ContainerModule` of inversify that binds the
 * factory to `LogDBFactoryID` or `RaftRPCFactoryID`.
 */
export type BindingAdapterModule = (Omit<LogDBModule, 'create'> | Omit<RaftRPCModule, 'create'>) & {
  createModule(options: Readonly<Record<string, unknown>>): object;
};

/** What a configuration may name, or give in code. */
export type AnyAdapterModule = AdapterModule | BindingAdapterModule;
