import {
  type ConfigChange,
  ConfigChangeType,
  type Entry,
  type EntryFields,
  EntryType,
  type GroupSettings,
  type Membership,
  type Uint64,
  encodeConfigChange,
  makeEntry,
} from '@drakkar/raftio';
import type { IStateMachine } from '../../statemachine/contract.js';
import { EntryPayloads } from '../entry-payloads.js';
import { ReplicatedStateMachine } from '../replicated-state-machine.js';
import type { RsmListener, RsmOptions, SnapshotData, SnapshotState } from '../types.js';
import type { RegisterMachine } from './register-machine.js';

export interface Outcome {
  index: number;
  value: Uint64;
  rejected: boolean;
}

/** Writes down what it is told. */
export class RecordingListener implements RsmListener {
  readonly outcomes: Outcome[] = [];
  readonly memberships: Membership[] = [];
  readonly refusals: (string | undefined)[] = [];
  readonly refusedKeys: Uint64[] = [];

  onApplied(entry: Entry, value: Uint64, rejected: boolean): void {
    this.outcomes.push({ index: entry.index, value, rejected });
  }

  onConfigChangeApplied(
    entry: Entry,
    _change: ConfigChange,
    accepted: boolean,
    membership: Membership,
    refusal: string | undefined,
  ): void {
    this.outcomes.push({ index: entry.index, value: 0, rejected: !accepted });
    this.memberships.push(membership);
    this.refusals.push(refusal);
  }

  onLevelApplied(entry: Entry, level: number): void {
    this.outcomes.push({ index: entry.index, value: level, rejected: false });
  }

  onSettingsApplied(entry: Entry, settings: GroupSettings, refusal: string | undefined): void {
    this.outcomes.push({
      index: entry.index,
      value: settings.lruMaxSessionCount,
      rejected: refusal !== undefined,
    });
    this.refusals.push(refusal);
  }

  onConfigChangeRefused({ key }: Entry): void {
    this.refusedKeys.push(key);
  }
}

/** A replicated state machine under test, with a log that grows by one entry at a time. */
export class TestReplica<M extends IStateMachine = RegisterMachine> {
  readonly listener = new RecordingListener();
  readonly machine: M;
  readonly rsm: ReplicatedStateMachine;

  constructor(machine: M, options: Partial<RsmOptions> = {}) {
    this.machine = machine;
    this.rsm = new ReplicatedStateMachine({
      clusterID: 1,
      nodeID: 2,
      stateMachine: machine,
      orderedConfigChange: false,
      maxSessionCount: 4,
      listener: this.listener,
      payloads: new EntryPayloads('none', undefined),
      ...options,
    });
  }

  /** The entry that comes next, of term 1. */
  next(fields: Partial<EntryFields>): Entry {
    return makeEntry({ term: 1, index: this.rsm.lastApplied + 1, ...fields });
  }

  /** Applies one entry at once and gives its outcome. */
  step(fields: Partial<EntryFields>): Outcome | undefined {
    const before = this.listener.outcomes.length;
    if (this.rsm.apply([this.next(fields)]) !== undefined) throw new Error('apply did not finish at once');
    return this.listener.outcomes[before];
  }

  change(change: Partial<ConfigChange>): Outcome | undefined {
    return this.step({ type: EntryType.ConfigChangeEntry, cmd: configChange(change) });
  }
}

export function configChange(change: Partial<ConfigChange>): Uint8Array {
  return encodeConfigChange({
    configChangeID: 0,
    type: ConfigChangeType.AddNode,
    nodeID: 1,
    address: '',
    initialize: false,
    ...change,
  });
}

export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** A snapshot of `rsm`, in memory. */
export async function takeSnapshot(rsm: ReplicatedStateMachine): Promise<SnapshotData> {
  const blocks: Uint8Array[] = [];
  const state = await rsm.saveSnapshot(async (source): Promise<SnapshotState> => {
    const writer = {
      write: async (data: Uint8Array): Promise<void> => {
        blocks.push(data.slice());
      },
    };
    await source.writeStateMachine(writer, { addFile: () => undefined }, new AbortController().signal);
    const { index, term, membership, sessions } = source;
    return { index, term, membership, sessions };
  });
  return { ...state, reader: stream(blocks), files: [] };
}

async function* stream(blocks: Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* blocks;
}
