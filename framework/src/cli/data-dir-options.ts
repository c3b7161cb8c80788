/** Which data directory a command is about. */
export interface DataDirOptions {
  config?: string;
  dir?: string;
  walDir?: string;
  logdb?: string;
}
