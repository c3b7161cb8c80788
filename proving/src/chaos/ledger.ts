/** The numbers of a client's commands: which were applied, as ranges, and how often one was applied again. */
export interface AppliedCommands {
  ranges: [from: number, to: number][];
  duplicates: number;
}

/** By client. */
export type Ledger = Map<number, AppliedCommands>;

export type LedgerRecord = AppliedCommands & { client: number };

/** What a client knows of its commands. */
export interface ClientAccount {
  acknowledged: Set<number>;
  unknown: Set<number>;
}

export function addToLedger(ledger: Ledger, client: number, seq: number): void {
  const record = ledger.get(client) ?? { ranges: [], duplicates: 0 };
  ledger.set(client, record);
  const { ranges } = record;
  const next = ranges.findIndex(([from]) => from > seq);
  const place = next === -1 ? ranges.length : next;
  const before = ranges[place - 1];
  if (before !== undefined && seq <= before[1]) {
    record.duplicates += 1;
    return;
  }
  const after = ranges[place];
  const joinsBefore = before !== undefined && before[1] === seq - 1;
  const joinsAfter = after !== undefined && after[0] === seq + 1;
  if (joinsBefore && joinsAfter) {
    before[1] = after[1];
    ranges.splice(place, 1);
  } else if (joinsBefore) before[1] = seq;
  else if (joinsAfter) after[0] = seq;
  else ranges.splice(place, 0, [seq, seq]);
}

/** What is wrong with a ledger, held against what the clients know: each acknowledged once, each other at most once. */
export function auditLedger(
  ledger: readonly LedgerRecord[],
  accounts: ReadonlyMap<number, ClientAccount>,
): string[] {
  const problems: string[] = [];
  const found = new Map(ledger.map((record) => [record.client, record]));
  for (const [client, { acknowledged, unknown }] of accounts) {
    const applied = appliedSet(found.get(client)?.ranges ?? []);
    const lost = [...acknowledged].filter((seq) => !applied.has(seq));
    const phantoms = [...applied].filter((seq) => !acknowledged.has(seq) && !unknown.has(seq));
    const duplicates = found.get(client)?.duplicates ?? 0;
    if (lost.length > 0) problems.push(`client ${client}: acknowledged writes are lost: ${sample(lost)}`);
    if (phantoms.length > 0) {
      problems.push(`client ${client}: writes that were said to have no effect had one: ${sample(phantoms)}`);
    }
    if (duplicates > 0) problems.push(`client ${client}: ${duplicates} writes were applied again`);
  }
  return problems;
}

function appliedSet(ranges: readonly [number, number][]): Set<number> {
  const set = new Set<number>();
  for (const [from, to] of ranges) for (let seq = from; seq <= to; seq += 1) set.add(seq);
  return set;
}

const SAMPLE_SIZE = 8;

function sample(numbers: readonly number[]): string {
  const shown = numbers.slice(0, SAMPLE_SIZE).join(', ');
  return numbers.length > SAMPLE_SIZE ? `${shown}, … (${numbers.length})` : shown;
}
