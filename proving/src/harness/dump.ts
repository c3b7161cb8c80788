import type { NodeHost } from '@drakkar/framework';
import { asBuffer, decodeRecords, encodeScan } from './kv-commands.js';
import type { DumpedRecord } from './commands.js';
import { CLUSTER_ID } from './plan.js';

/** Every record of the group as this host's replica has it, up to date. */
export async function dumpRecords(host: NodeHost, timeoutMs: number): Promise<DumpedRecord[]> {
  const dumped: DumpedRecord[] = [];
  for (let after = ''; ; after = dumped.at(-1)?.key ?? '') {
    const records = decodeRecords(await host.syncRead(CLUSTER_ID, encodeScan(after), { timeoutMs }));
    if (records.length === 0) return dumped;
    for (const { key, version, value } of records) {
      dumped.push({ key, version, value: asBuffer(value).readDoubleLE(0) });
    }
  }
}
