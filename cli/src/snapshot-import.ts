import { type ImportedSnapshot, importSnapshot } from '@drakkar/framework';
import { memberList, positiveInteger } from './option-values.js';
import { offlineServices, quiet } from './open-data.js';
import { ExitCode, type Output } from './output.js';
import { ownerToGive } from './owner.js';
import { nameOf } from './replicas.js';
import { progressPrinter } from './snapshot-progress.js';

export interface SnapshotImportOptions {
  config: string;
  from: string;
  node: string;
  members: string;
  allowOlder?: boolean;
}

function lines(imported: ImportedSnapshot): string[] {
  const { index, term, membership, replaced, otherNodeIDs, clusterID } = imported;
  const members = [...membership.nodes].map(([nodeID, address]) => `${nodeID}=${address}`).join(' ');
  const all = [
    `${nameOf(imported)}: snapshot at index ${index}, term ${term}, imported`,
    `  members  ${members}`,
    `  removed  ${[...membership.removed].join(' ') || 'none'}, permanently`,
  ];
  if (replaced !== undefined && replaced.lastIndex > index) {
    all.push(`WARNING  log entries ${index + 1} to ${replaced.lastIndex} of this replica are gone`);
  }
  for (const nodeID of otherNodeIDs) {
    all.push(
      `WARNING  this host also has data of node ${nodeID} of group ${clusterID}: never start that again`,
    );
  }
  return [
    ...all,
    'Import the same snapshot with the same members on all other hosts before you start any of them.',
  ];
}

/** `drakkar snapshot import`. */
export async function importIntoData(output: Output, options: SnapshotImportOptions): Promise<ExitCode> {
  const nodeID = positiveInteger('--node', options.node);
  const members = memberList('--members', options.members);
  const { nodeHostDir, walDir } = (await offlineServices(options.config)).config;
  const give = await ownerToGive([nodeHostDir, walDir], nodeHostDir, (text) => output.warn(text));
  const imported = await importSnapshot(options.config, options.from, members, nodeID, {
    allowOlder: options.allowOlder === true,
    onProgress: progressPrinter(output, `node ${nodeID} from ${options.from}`),
    overrides: quiet,
  }).finally(give);
  const { membership, replaced } = imported;
  const result = {
    ok: true,
    ...imported,
    membership: { ...membership, removed: [...membership.removed] },
    replaced: replaced ?? null,
  };
  output.result(result, lines(imported));
  return ExitCode.ok;
}
