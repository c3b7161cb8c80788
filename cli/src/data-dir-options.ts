/** Which data directory a command is about. */
export interface DataDirOptions {
  config?: string;
  dir?: string;
  walDir?: string;
  logdb?: string;
  /** Goes on though files are not as the host has left them; the seal is lost then. */
  ignoreSeal?: boolean;
}
