import { ENTRY_OVERHEAD_BYTES } from '@drakkar/raftio';
import type { ConfigProblem } from '../errors/host.js';
import type { ClusterConfig, ClusterConfigInput } from './cluster-config.js';
import { clusterSchema } from './cluster-schema.js';
import { type Finding, invalidConfig, showValue } from './findings.js';
import { clonePlain, deepFreeze, isPlainObject } from './plain.js';
import { ownSchemaCheck } from './schema-check.js';
import { objectSource } from './source.js';

export interface ValidatedClusterConfig {
  /** Checked, complete, frozen. */
  readonly config: ClusterConfig;
  /** What is allowed but probably not meant; to be logged. */
  readonly warnings: readonly ConfigProblem[];
}

const SUBJECT = 'configuration of the group';
const RECOMMENDED_HEARTBEATS_PER_ELECTION = 10;
const checkSchema = ownSchemaCheck(clusterSchema);

function checkTimes(draft: Record<string, unknown>, problems: Finding[], warnings: Finding[]): void {
  const election = draft['electionRTT'];
  const heartbeat = draft['heartbeatRTT'];
  if (typeof election !== 'number' || typeof heartbeat !== 'number') return;
  if (election <= 2 * heartbeat) {
    problems.push({
      segments: ['electionRTT'],
      message: `must be more than twice heartbeatRTT (${heartbeat}), better ten times, but is ${election}`,
    });
  } else if (election < RECOMMENDED_HEARTBEATS_PER_ELECTION * heartbeat) {
    warnings.push({
      segments: ['electionRTT'],
      message: `is ${election}, less than ten times heartbeatRTT (${heartbeat}); a few lost heartbeats will unseat the leader`,
    });
  }
}

function checkSizes(draft: Record<string, unknown>, problems: Finding[], warnings: Finding[]): void {
  const inMem = draft['maxInMemLogSize'];
  if (typeof inMem === 'number' && inMem > 0 && inMem <= ENTRY_OVERHEAD_BYTES) {
    problems.push({
      segments: ['maxInMemLogSize'],
      message: `must be 0 or more than an empty entry takes (${ENTRY_OVERHEAD_BYTES}), but is ${inMem}`,
    });
  }
  if (draft['snapshotEntries'] === 0) {
    warnings.push({
      segments: ['snapshotEntries'],
      message: 'is 0: no snapshot is taken by itself, and the log grows until one is requested',
    });
  }
}

/** What a group with members of Dragonboat can't have is a mistake where it was written, and off where it is a default. */
function checkCompatibility(
  given: Readonly<Record<string, unknown>>,
  draft: Record<string, unknown>,
  problems: Finding[],
): void {
  if (draft['compatibility'] !== 'dragonboat-2.1') return;
  const refuse = (key: string, allowed: string): void => {
    const message = `must be ${allowed} with compatibility 'dragonboat-2.1', but is ${showValue(given[key])}`;
    problems.push({ segments: [key], message });
  };
  if (given['preVote'] === true) refuse('preVote', 'false');
  draft['preVote'] = false;
  if (draft['entryCompression'] === 'snappy') refuse('entryCompression', "'none'");
}

/** Checks a replica's configuration and fills defaults in. Throws ErrInvalidConfig with every mistake at once. */
export function validateClusterConfig(input: ClusterConfigInput): ValidatedClusterConfig {
  const given: unknown = input;
  if (!isPlainObject(given)) {
    throw invalidConfig(SUBJECT, [{ path: '', message: `must be an object, but is ${showValue(given)}` }]);
  }
  const draft = clonePlain(given) as Record<string, unknown>;
  const problems = checkSchema(draft);
  const warnings: Finding[] = [];
  checkTimes(draft, problems, warnings);
  checkSizes(draft, problems, warnings);
  checkCompatibility(given, draft, problems);
  const source = objectSource(draft, '.');
  if (problems.length > 0) {
    throw invalidConfig(
      SUBJECT,
      problems.map((finding) => source.toProblem(finding)),
    );
  }
  return {
    config: deepFreeze(draft) as unknown as ClusterConfig,
    warnings: warnings.map((finding) => source.toProblem(finding)),
  };
}
