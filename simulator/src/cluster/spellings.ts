import { type Membership, decodeConfigChange, encodeConfigChange, normalAddress } from '@drakkar/raftio';
import type { Dice } from '../world/dice.js';

/** One of the ways to write an address, which all mean the same. */
export function respelled(dice: Dice, address: string): string {
  const at = address.lastIndexOf(':');
  const name = address.slice(0, at);
  return [
    dice.pick([name, name.toUpperCase()]),
    dice.pick(['', '.']),
    dice.pick([':', ':0']),
    address.slice(at + 1),
  ].join('');
}

/** Replicas may spell the addresses of a membership differently, and have the same one for all that. */
export function inNormalForm({ addresses, observers, ...others }: Membership): Membership {
  const normal = (nodes: ReadonlyMap<number, string>): Map<number, string> =>
    new Map([...nodes].map(([nodeID, address]) => [nodeID, normalAddress(address)]));
  return { ...others, addresses: normal(addresses), observers: normal(observers) };
}

/** The same for the command of an entry that changes the members: each host writes the first ones for itself. */
export function changeInNormalForm(cmd: Uint8Array): Uint8Array {
  const change = decodeConfigChange(cmd);
  const address = normalAddress(change.address);
  return address === change.address ? cmd : encodeConfigChange({ ...change, address });
}
