const MAX_LENGTH = 400;
/** Control characters, and what breaks lines or turns the direction of writing. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** Text from somebody who may not be trusted, for messages and logs: on one line, and not without end. */
export function printable(text: string): string {
  return text.slice(0, MAX_LENGTH).replace(UNPRINTABLE, '?');
}
