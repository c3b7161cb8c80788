import { writeSync } from 'node:fs';
import { join } from 'node:path';
import { makeEntry } from '@drakkar/raftio';
import Database from 'libsql';
import { adapterModule } from '../../logdb-sqlite/dist/index.js';

/** Saves as many times as it is told, one after the other, and says each; or makes a database of another program. */
const [dir, what] = process.argv.slice(2);

if (what === 'foreign') {
  new Database(join(dir, 'log.db')).exec(
    "CREATE TABLE kv (key BLOB, value BLOB); INSERT INTO kv VALUES (x'61', x'62')",
  );
} else {
  const db = await adapterModule.create({})({ dir, walDir: dir });
  for (let index = 1; index <= Number(what); index += 1) {
    const entriesToSave = [makeEntry({ term: 1, index, cmd: new Uint8Array(100) })];
    const state = { term: 1, vote: 1, commit: index };
    await db.saveRaftState([{ clusterID: 1, nodeID: 1, state, entriesToSave, snapshot: undefined }]);
    writeSync(1, `saved ${index}\n`);
  }
  await db.close();
}
