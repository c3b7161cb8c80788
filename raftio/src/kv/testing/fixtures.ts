import { type Entry, type Update, makeEntry } from '../../index.js';

/** Entries first..last of one term; the payload tells index and term. */
export function entries(first: number, last: number, term = 1): Entry[] {
  const made: Entry[] = [];
  for (let index = first; index <= last; index++) {
    made.push(makeEntry({ index, term, clientID: 7, seriesID: index, cmd: Buffer.from(`${index}@${term}`) }));
  }
  return made;
}

export function update(fields: Partial<Update> = {}): Update {
  return { clusterID: 1, nodeID: 1, state: undefined, entriesToSave: [], snapshot: undefined, ...fields };
}

export function describeEntries(list: readonly Entry[]): string[] {
  return list.map((entry) => {
    const text = Buffer.from(entry.cmd).toString();
    return text === `${entry.index}@${entry.term}` ? text : `${entry.index}@${entry.term}: ${text}`;
  });
}
