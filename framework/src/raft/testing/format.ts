import { type Entry, EntryType, type Message, MessageType } from '@drakkar/raftio';
import type { IRaft, RaftUpdate } from '../types.js';
import { textOf } from './codec.js';

/*
 * How stories are written down: one line for each thing that happens, without what does not matter.
 */

const NAMES = new Map(Object.entries(MessageType).map(([name, type]) => [type, name]));

/** index/term of the first to the last: `4/2..7/2`. */
function spanOf(entries: readonly Entry[]): string {
  const first = entries[0];
  const last = entries.at(-1);
  if (first === undefined || last === undefined) return 'nothing';
  const start = `${first.index}/${first.term}`;
  return entries.length === 1 ? start : `${start}..${last.index}/${last.term}`;
}

function detailOf(message: Message): string {
  const { type, logIndex, logTerm, commit, reject, hint, entries, snapshot } = message;
  const round = hint === 0 ? '' : ` round ${hint}`;
  switch (type) {
    case MessageType.Replicate:
      return `after ${logIndex}/${logTerm} ${spanOf(entries)} commit ${commit}`;
    case MessageType.ReplicateResp:
      return reject
        ? `rejects ${logIndex}, has ${hint}, try ${message.hintHigh} (${logTerm})`
        : `has ${logIndex}`;
    case MessageType.RequestVote:
    case MessageType.RequestPreVote:
      return `log ends ${logIndex}/${logTerm}${hint === 0 ? '' : ' ordered'}`;
    case MessageType.RequestVoteResp:
    case MessageType.RequestPreVoteResp:
      return reject ? 'no' : 'yes';
    case MessageType.Heartbeat:
      return `commit ${commit}${round}`;
    case MessageType.HeartbeatResp:
      return round.trim();
    case MessageType.ReadIndex:
      return `read ${hint}`;
    case MessageType.ReadIndexResp:
      return `read ${hint} at ${logIndex}`;
    case MessageType.InstallSnapshot:
      return `snapshot ${snapshot?.index}/${snapshot?.term}`;
    case MessageType.Propose:
      return entries.map((entry) => textOf(entry)).join(' ');
    case MessageType.NoOP:
      return message.term === 0 ? 'who leads?' : '';
    case MessageType.NotMember:
      return `by the change at ${logIndex}`;
    case MessageType.LeaderTransfer:
      return `to ${hint}`;
    default:
      return '';
  }
}

export function formatMessage(message: Message): string {
  const { type, from, to, term } = message;
  return `${from} -> ${to} ${NAMES.get(type) ?? type} t${term} ${detailOf(message)}`.trimEnd();
}

/** What an update asks for, messages left out; empty when that is nothing. */
export function formatUpdate(update: RaftUpdate): string {
  const parts: string[] = [];
  const { state, snapshot, entriesToSave, leader } = update;
  if (state !== undefined) parts.push(`save term ${state.term} vote ${state.vote} commit ${state.commit}`);
  if (snapshot !== undefined) parts.push(`save snapshot ${snapshot.index}/${snapshot.term}`);
  if (entriesToSave.length > 0) parts.push(`save ${spanOf(entriesToSave)}`);
  if (update.entriesToApply.length > 0) parts.push(`apply ${spanOf(update.entriesToApply)}`);
  for (const { context, index } of update.readyReads) parts.push(`read ${context.low} ready at ${index}`);
  for (const context of update.droppedReads) parts.push(`read ${context.low} dropped`);
  for (const entry of update.proposalsWithoutRoom) parts.push(`no room for proposal ${nameOf(entry)}`);
  for (const entry of update.droppedProposals) parts.push(`proposal ${nameOf(entry)} dropped`);
  for (const entry of update.rejectedConfigChanges) parts.push(`${nameOf(entry)} rejected`);
  for (const { refusal } of update.refusedConfigChanges)
    parts.push(`change refused: ${refusal.kind}, ${refusal.value} of ${refusal.limit}`);
  for (const report of update.reports)
    if (report.type === 'removed') parts.push(`removed, says ${report.saidBy.join(' ')}`);
  for (const read of update.logReads) parts.push(`read log ${read.low}..${read.high - 1} for ${read.nodeID}`);
  if (leader !== undefined) parts.push(`leader ${leader.leaderID || 'unknown'} in term ${leader.term}`);
  return parts.join(', ');
}

function nameOf(entry: Entry): string {
  return entry.type === EntryType.ConfigChangeEntry ? `config change ${textOf(entry)}` : textOf(entry);
}

export function formatStatus(nodeID: number, core: IRaft): string {
  const { role, term, commit, applied, lastIndex, membership, remotes, quiesced } = core.status();
  const voters = [...membership.addresses.keys()].join(' ');
  const observers = [...membership.observers.keys()].join(' ');
  const members = observers === '' ? voters : `${voters} + ${observers}`;
  const log = `commit ${commit} applied ${applied} last ${lastIndex}`;
  const progress = [...remotes].map(([id, r]) => `${id}:${r.status} ${r.match}<${r.next}`).join(', ');
  const tail = progress === '' ? '' : ` {${progress}}`;
  return `${nodeID} is ${role}${quiesced ? ', quiesced' : ''}, term ${term}, ${log} [${members}]${tail}`;
}
