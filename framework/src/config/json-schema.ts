/** The part of JSON Schema (draft 7) that our own schemas use; every key says what it is for. */
export interface JsonSchema {
  readonly type: 'object' | 'string' | 'integer' | 'boolean' | 'array';
  readonly description: string;
  readonly default?: unknown;
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean;
  readonly items?: JsonSchema;
  readonly uniqueItems?: boolean;
  /** In words, what may stand here, where the keywords above don't say it; completes `must be …`. */
  readonly allowed?: string;
  /** In words, the default, where it depends on something else. */
  readonly defaultText?: string;
}

/** A schema of an object whose keys are those of `T`, none left out: the compiler sees to it. */
export function objectSchema<T>(
  description: string,
  properties: { readonly [K in keyof Required<T>]: JsonSchema },
  extra: { readonly required?: readonly (keyof T & string)[]; readonly optional?: boolean } = {},
): JsonSchema {
  return {
    type: 'object',
    description,
    properties,
    additionalProperties: false,
    ...(extra.required === undefined ? {} : { required: extra.required }),
    ...(extra.optional === true ? { default: {} } : {}),
  };
}

/** The defaults of an object schema's keys; keys without one are left out. */
export function defaultsOf(schema: JsonSchema): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (const [key, property] of Object.entries(schema.properties ?? {})) {
    if (property.default !== undefined) out[key] = property.default;
  }
  return out;
}

/** Types of draft 7; our own schemas use a part of them, those of adapters any. */
const NOUNS: Readonly<Record<string, string>> = {
  object: 'an object',
  string: 'a string',
  integer: 'an integer',
  number: 'a number',
  boolean: 'true or false',
  array: 'a list',
};

/** In words, what `schema` allows; completes the sentence `must be …`. */
export function describeAllowed(schema: Partial<JsonSchema>): string {
  if (schema.allowed !== undefined) return schema.allowed;
  if (schema.enum !== undefined) return `one of: ${schema.enum.join(', ')}`;
  const type = schema.type;
  const noun = NOUNS[String(type)] ?? String(type ?? 'a value');
  const { minimum, maximum } = schema;
  if (minimum !== undefined && maximum !== undefined) return `${noun} from ${minimum} to ${maximum}`;
  if (minimum !== undefined) return `${noun} of at least ${minimum}`;
  if (maximum !== undefined) return `${noun} of at most ${maximum}`;
  if (schema.minLength === 1) return `${noun} that is not empty`;
  return noun;
}
