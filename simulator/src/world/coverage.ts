import { EXTENSION_NAMES, type ExtensionName } from '../extensions.js';

/** Every kind of event that a run of many seeds has to bring about; one that never happens is a failure of the run. */
export const EVENT_KINDS = [
  'crash',
  'crash in a call',
  'restart',
  'clean stop',
  'pause',
  'clock rates differ',
  'partition full',
  'partition one way',
  'partition partial',
  'leader isolated',
  'leader paused',
  'slow link',
  'message lost',
  'message delayed',
  'connection cut',
  'snapshot stream cut',
  'disk stall',
  'disk slow',
  'disk full',
  'write error',
  'sync error',
  'unsynced lost',
  'write torn',
  'writes reordered',
  'bit flipped in log',
  'bit flipped in snapshot',
  'damage found',
  'disk wiped',
  'node added',
  'observer added',
  'observer promoted',
  'node removed',
  'change asked for twice',
  'data removed',
  'leader elected',
  'leader transfer',
  'snapshot taken',
  'snapshot requested',
  'snapshot compressed',
  'snapshot exported',
  'snapshot imported',
  'import crashed',
  'snapshot received',
  'log compacted',
  'compaction requested',
  'entry compressed',
  'quiesced',
  'session opened',
  'session gone',
  'write acknowledged',
  'write retried',
  'write outcome unknown',
  'no-op write acknowledged',
  'read answered',
  'observer read answered',
  'LogDB failed',
  'replica restarted',
  'advice followed',
  'second command refused',
  'message forged',
  'forged message dropped',
  'address respelled',
  'leader flapped',
  'asked after sleep',
  'machine stuck',
  'disk stuck',
  'black hole',
  'snapshot without room',
  'neighbour of a bulk load',
  'settings changed',
  'configuration overruled',
  'members replaced',
  'removal learnt',
  'majority without a deaf leader',
  'drill: late save',
  'drill: forbidden changes',
  'drill: spoilt chunks',
  'drill: misplaced data',
  'drill: hostile batches',
  'drill: same draws',
  'drill: stored log',
  'drill: late answers',
  'drill: hand-over',
  'drill: hanging machines',
  'drill: unfinished snapshot',
  'drill: late duplicates',
  'drill: late confirmations',
  'drill: different members',
  'drill: different settings',
  'drill: wiped disk',
  'drill: late order',
] as const;

/** Kinds that only seeds with that extension bring about. */
const EXTENSION_EVENTS: Readonly<Partial<Record<ExtensionName, readonly EventKind[]>>> = {
  'replica-restarts': ['replica restarted'],
  'advised-clients': ['advice followed', 'second command refused'],
  'hostile-messages': ['message forged', 'forged message dropped'],
  spellings: ['address respelled'],
  'leader-flaps': ['leader flapped'],
  'idle-group': ['asked after sleep'],
  'stuck-leader': ['machine stuck', 'disk stuck'],
  'black-hole': ['black hole'],
  'full-disks': ['snapshot without room'],
  'bulk-neighbour': ['neighbour of a bulk load'],
  'settings-changed': ['settings changed'],
  'members-replaced': ['members replaced'],
  'removed-while-away': ['removal learnt'],
  'deaf-leader': ['majority without a deaf leader'],
};

export type EventKind = (typeof EVENT_KINDS)[number];

/** How often each kind of event has happened. */
export class Coverage {
  readonly #counts = new Map<EventKind, number>();

  count(kind: EventKind, by = 1): void {
    this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + by);
  }

  of(kind: EventKind): number {
    return this.#counts.get(kind) ?? 0;
  }

  add(other: Readonly<Record<string, number>>): void {
    for (const kind of EVENT_KINDS) this.count(kind, other[kind] ?? 0);
  }

  toRecord(): Record<string, number> {
    return Object.fromEntries(EVENT_KINDS.map((kind) => [kind, this.of(kind)]));
  }

  /** @param extensions what the seeds may have had */
  missing(extensions: readonly ExtensionName[]): EventKind[] {
    const others = EXTENSION_NAMES.filter((name) => !extensions.includes(name));
    const impossible = new Set(others.flatMap((name) => EXTENSION_EVENTS[name] ?? []));
    return EVENT_KINDS.filter((kind) => this.of(kind) === 0 && !impossible.has(kind));
  }
}
