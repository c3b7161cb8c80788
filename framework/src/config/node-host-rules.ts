import { MAX_PROPOSAL_PAYLOAD_BYTES, allowedPeerProblem } from '@drakkar/raftio';
import type { SoftSettings } from './soft.js';
import { isWildcardHost, parseAddress } from './address.js';
import { type Finding, type Segment, showValue } from './findings.js';
import { describeAllowed } from './json-schema.js';
import { nodeHostSchema } from './node-host-schema.js';

/** A configuration of which only some keys are known to be of the right type. */
export type Draft = Readonly<Record<string, unknown>>;

export interface RuleFindings {
  problems: Finding[];
  warnings: Finding[];
}

const TLS_FILES = ['caFile', 'certFile', 'keyFile'] as const;
const TLS_OPTIONS = ['crlFile', 'allowedPeers'] as const;

const allowedFor = (key: string): string => describeAllowed(nodeHostSchema.properties?.[key] ?? {});

function checkAddress(value: unknown, segments: Segment[], what: string): Finding | undefined {
  // A value of another type has been told about by the schema.
  if (typeof value !== 'string' || value === '' || parseAddress(value) !== undefined) return undefined;
  return { segments, message: `must be ${what}, but is ${showValue(value)}` };
}

function checkAddresses(draft: Draft, problems: Finding[]): void {
  const found = [
    checkAddress(draft['raftAddress'], ['raftAddress'], allowedFor('raftAddress')),
    checkAddress(draft['listenAddress'], ['listenAddress'], allowedFor('listenAddress')),
  ];
  const masters = draft['masterServers'];
  if (Array.isArray(masters)) {
    masters.forEach((master: unknown, i) => {
      found.push(checkAddress(master, ['masterServers', i], allowedFor('raftAddress')));
    });
  }
  problems.push(...found.filter((finding) => finding !== undefined));

  const raftAddress = draft['raftAddress'];
  const parsed = typeof raftAddress === 'string' ? parseAddress(raftAddress) : undefined;
  if (parsed !== undefined && isWildcardHost(parsed.host)) {
    problems.push({
      segments: ['raftAddress'],
      message: `must be an address that other hosts can reach, but is ${showValue(raftAddress)}; to listen on every interface, set listenAddress to it`,
    });
  }
}

function checkAllowedPeers(peers: unknown, problems: Finding[]): void {
  if (!Array.isArray(peers)) return;
  if (peers.length === 0) {
    problems.push({
      segments: ['allowedPeers'],
      message: 'is empty, so that no host could connect; leave it out',
    });
  }
  peers.forEach((peer: unknown, i) => {
    const identity =
      typeof peer === 'object' && peer !== null ? (peer as { identity?: unknown }).identity : undefined;
    const problem = typeof identity === 'string' ? allowedPeerProblem(identity) : undefined;
    if (problem === undefined) return;
    problems.push({
      segments: ['allowedPeers', i, 'identity'],
      message: `${problem}, but is ${showValue(identity)}`,
    });
  });
}

function checkTls(draft: Draft, result: RuleFindings): void {
  const given = [...TLS_FILES, ...TLS_OPTIONS].filter((key) => draft[key] !== undefined);
  if (draft['mutualTls'] === true) {
    for (const key of TLS_FILES) {
      if (given.includes(key)) continue;
      result.problems.push({ segments: [key], message: 'required when mutualTls is true, but missing' });
    }
    checkAllowedPeers(draft['allowedPeers'], result.problems);
    return;
  }
  for (const key of given) {
    result.warnings.push({ segments: [key], message: 'has no effect, since mutualTls is not true' });
  }
}

function checkOrder(
  settings: Partial<Record<keyof SoftSettings, unknown>>,
  smaller: keyof SoftSettings,
  larger: keyof SoftSettings,
  problems: Finding[],
): void {
  const low = settings[smaller];
  const high = settings[larger];
  if (typeof low !== 'number' || typeof high !== 'number' || low <= high) return;
  problems.push({
    segments: ['settings', larger],
    message: `must be at least settings.${smaller} (${low}), but is ${high}`,
  });
}

function checkQueues(draft: Draft, warnings: Finding[]): void {
  for (const key of ['maxSendQueueSize', 'maxReceiveQueueSize']) {
    const size = draft[key];
    if (typeof size !== 'number' || size >= 2 * MAX_PROPOSAL_PAYLOAD_BYTES) continue;
    warnings.push({
      segments: [key],
      message: `is ${size}, less than twice the largest proposal (${2 * MAX_PROPOSAL_PAYLOAD_BYTES}); large proposals will be slow`,
    });
  }
}

/** Rules that concern several keys, or that a schema can't say. `draft` has its defaults, and may have mistakes. */
export function checkNodeHostRules(draft: Draft): RuleFindings {
  const result: RuleFindings = { problems: [], warnings: [] };
  checkAddresses(draft, result.problems);
  checkTls(draft, result);
  const settings = draft['settings'];
  if (typeof settings === 'object' && settings !== null) {
    checkOrder(settings, 'maxReplicateBytes', 'maxInflightBytes', result.problems);
    checkOrder(settings, 'breakerMinBackoffMs', 'breakerMaxBackoffMs', result.problems);
  }
  checkQueues(draft, result.warnings);
  return result;
}
