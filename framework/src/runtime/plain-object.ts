/** Whether it is an object as YAML, JSON or a literal makes it, not an instance of a class. */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  // An object of another realm has an Object.prototype of its own, whose prototype is null.
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
