/** What is thrown is looked at by its fields: an error from native code need not be an `Error` of this realm. */

export function messageOf(error: unknown): string {
  const message = fieldOf(error, 'message');
  return typeof message === 'string' ? message : String(error);
}

export function isNotFound(error: unknown): boolean {
  return fieldOf(error, 'code') === 'ENOENT';
}

export function fieldOf(error: unknown, name: string): unknown {
  return typeof error === 'object' && error !== null ? Reflect.get(error, name) : undefined;
}
