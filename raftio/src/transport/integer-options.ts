import type { OptionsSchema } from '../module.js';

/** An option whose value is a whole number. */
export interface IntegerOption {
  type: 'integer';
  default: number;
  minimum: number;
  maximum: number;
  description: string;
}

export function integerOption(
  defaultValue: number,
  minimum: number,
  maximum: number,
  description: string,
): IntegerOption {
  return { type: 'integer', default: defaultValue, minimum, maximum, description };
}

/** Longest delay that a Node.js timer takes, in milliseconds. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

/** The schema of the options of transport `name`, for its adapter module. */
export function integerOptionsSchema(
  title: string,
  properties: Readonly<Record<string, IntegerOption>>,
): OptionsSchema {
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title,
    type: 'object',
    additionalProperties: false,
    properties,
  };
}

/**
 * The options with defaults for what is missing. Throws TypeError for an option that `properties` does not have and
 * RangeError for a value that it would refuse; `owner` is named in both.
 */
export function resolveIntegerOptions<Name extends string>(
  owner: string,
  properties: Readonly<Record<Name, IntegerOption>>,
  options: object,
): Readonly<Record<Name, number>> {
  const isName = (name: string): name is Name => Object.hasOwn(properties, name);
  const resolved = Object.fromEntries(
    Object.entries<IntegerOption>(properties).map(([name, property]) => [name, property.default]),
  ) as Record<Name, number>;
  for (const [name, value] of Object.entries(options) as [string, unknown][]) {
    if (!isName(name)) throw new TypeError(`${owner} has no option '${name}'`);
    if (value === undefined) continue;
    const { minimum, maximum } = properties[name];
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < minimum || value > maximum) {
      throw new RangeError(
        `option '${name}' of ${owner} must be an integer from ${minimum} to ${maximum}, not ${JSON.stringify(value)}`,
      );
    }
    resolved[name] = value;
  }
  return resolved;
}
