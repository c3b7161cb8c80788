import { ErrInvalidOption } from '@drakkar/framework';

/** A value that must be an integer from 1 up. */
export function positiveInteger(option: string, text: string): number {
  const value = /^\d+$/.test(text) ? Number(text) : 0;
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new ErrInvalidOption(`${option} must be an integer from 1 up, but is "${text}"`);
}

/** `1=host-a:5001,2=host-b:5001` */
export function memberList(option: string, text: string): Map<number, string> {
  const members = new Map<number, string>();
  for (const each of text.split(',')) {
    const [, id = '', address = ''] = /^\s*(\d+)=(\S+)\s*$/.exec(each) ?? [];
    if (address === '') {
      throw new ErrInvalidOption(`${option} must be ID=HOST:PORT,ID=HOST:PORT,…, but has "${each}"`);
    }
    const nodeID = positiveInteger(option, id);
    if (members.has(nodeID)) throw new ErrInvalidOption(`${option} names node ${nodeID} twice`);
    members.set(nodeID, address);
  }
  return members;
}
