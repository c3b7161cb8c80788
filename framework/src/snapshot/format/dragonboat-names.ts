/** Name of the data file of Dragonboat v2.1.7's snapshot at `index`. Its hosts take no other. */
export function dragonboatFileName(index: number): string {
  return `snapshot-${index.toString(16).toUpperCase().padStart(16, '0')}.gbsnap`;
}

/** The last part of a path of another host; `undefined` when the path leads upwards. It is compared and never opened. */
export function lastPart(path: string): string | undefined {
  const parts = path.split(/[/\\]/);
  return parts.includes('..') ? undefined : parts.at(-1);
}
