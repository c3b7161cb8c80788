/** For what gives the log other files, as a simulator does; a host takes `openWalLogDB`. */
export type { LogFiles } from './log/files.js';
export { WalLogDB, type WalOptions } from './wal-logdb.js';
