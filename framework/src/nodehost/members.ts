import { ErrInvalidAddress } from '@drakkar/raftio';
import { ErrInvalidOperation } from '../errors/index.js';
import { idFault } from './ids.js';

/** Members of a group: node id → raft address. */
export type InitialMembers = ReadonlyMap<number, string> | Readonly<Record<number, string>>;

/** Checked. @throws ErrInvalidOperation, ErrInvalidAddress */
export function memberMap(members: InitialMembers): ReadonlyMap<number, string> {
  if (typeof members !== 'object' || (members as unknown) === null) {
    throw new ErrInvalidOperation('members must be a Map or an object: node id → raft address');
  }
  const entries: [number, string][] =
    members instanceof Map ? [...(members as ReadonlyMap<number, string>)] : objectEntries(members);
  for (const [nodeID, address] of entries) {
    const fault = idFault('nodeID', nodeID);
    if (fault !== undefined) throw new ErrInvalidOperation(`members: ${fault.message}`);
    if (typeof address !== 'string' || !/^.+:\d{1,5}$/.test(address)) {
      throw new ErrInvalidAddress(`node ${nodeID}: an address is host:port, found ${String(address)}`);
    }
  }
  return new Map(entries);
}

function objectEntries(members: InitialMembers): [number, string][] {
  return Object.entries(members as Record<string, string>).map(([nodeID, address]) => [
    Number(nodeID),
    address,
  ]);
}
