/** A command line that is wrong; its message says how. */
export class UsageError extends Error {}

/** A whole number option within its bounds. @throws UsageError */
export function wholeNumber(name, text, least, most) {
  const value = Number(text);
  if (!Number.isInteger(value) || value < least || value > most)
    throw new UsageError(`--${name} must be a whole number from ${least} to ${most}, found "${text}"`);
  return value;
}
