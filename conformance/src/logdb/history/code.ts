import type { NodeInfo } from '@drakkar/raftio';
import { type EntriesStep, type Step, type UpdateStep, isRead, isWrite } from './steps.js';

function idsOf({ clusterID, nodeID }: NodeInfo): string {
  return `${clusterID}, ${nodeID}`;
}

function entriesCode({ from, count, term, sizeBytes, varied }: EntriesStep): string {
  return `entries(${from}, ${from + count - 1}, ${term}, ${sizeBytes}${varied ? ' /* at most */' : ''})`;
}

function updateCode({ of, state, entries, snapshot }: UpdateStep): string {
  const parts = [
    ...(state === undefined ? [] : [`state: state(${state.join(', ')})`]),
    ...(entries === undefined ? [] : [`entries: ${entriesCode(entries)}`]),
    ...(snapshot === undefined ? [] : [`snapshot: snapshotRecord(${snapshot.join(', ')})`]),
  ];
  return `update(replica(${idsOf(of)}), { ${parts.join(', ')} })`;
}

/** The step as a line of code, in the words of `make.ts`; what is not awaited overlaps with what follows. */
export function codeOf(step: Step): string {
  if (step.do === 'settle') return 'await everything;';
  if (step.do === 'check') return 'await everything; // and compare all of it with the model';
  if (step.do === 'reopen') return 'await everything; await db.close(); db = await open();';
  if (step.do === 'crash') {
    const lanes = step.lanes.map((lane) => `[${lane.map((each) => codeOf(each)).join(' ')}]`);
    return `crash({ acksBeforeCrash: ${step.acksBeforeCrash}, delay: ${step.delay} }, ${lanes.join(', ')});`;
  }
  return `${callCode(step)};`;
}

function callCode(step: Step): string {
  if (!isRead(step) && !isWrite(step)) return '';
  switch (step.do) {
    case 'saveRaftState':
    case 'saveSnapshots':
      return `db.${step.do}([${step.updates.map(updateCode).join(', ')}])`;
    case 'saveBootstrapInfo':
      return `db.${step.do}(${idsOf(step.of)}, bootstrap([${step.nodeIDs.join(', ')}], ${step.join}))`;
    case 'importSnapshot':
      return `db.${step.do}(snapshotRecord(${step.snapshot.join(', ')}), replica(${idsOf(step.of)}))`;
    case 'iterateEntries':
      return `db.${step.do}(${idsOf(step.of)}, ${step.low}, ${step.high}, ${step.maxSizeBytes})`;
    case 'readRaftState':
      return `db.${step.do}(${idsOf(step.of)}, ${step.lastIndex})`;
    case 'removeNodeData':
    case 'getBootstrapInfo':
      return `db.${step.do}(${idsOf(step.of)})`;
    default:
      return `db.${step.do}(${idsOf(step.of)}, ${step.index})`;
  }
}
