import { createRequire } from 'node:module';
import type { Ajv, AnySchemaObject, ErrorObject, ValidateFunction } from 'ajv';
import type * as AjvModule from 'ajv';
import { type Finding, type Segment, showValue } from './findings.js';
import { type JsonSchema, describeAllowed } from './json-schema.js';
import { suggest } from './suggest.js';

const OPTIONS = { allErrors: true, verbose: true, useDefaults: true } as const;

/** Ajv is loaded, and a schema compiled, when something is checked for the first time: `import` pays for neither. */
const require = createRequire(import.meta.url);

function newAjv(options: AjvModule.Options): Ajv {
  const ajv = require('ajv') as typeof AjvModule;
  return new ajv.Ajv({ ...OPTIONS, ...options });
}

let ownAjv: Ajv | undefined;

/** Our own schemas are held to Ajv's strict mode; an adapter's may use whatever draft 7 allows. */
function ajvOfOurOwn(): Ajv {
  return (ownAjv ??= newAjv({ strict: true }).addVocabulary(['allowed', 'defaultText']));
}

export type SchemaCheck = (value: unknown, at?: readonly Segment[]) => Finding[];

function toSegments(pointer: string, root: unknown): Segment[] {
  if (pointer === '') return [];
  let node: unknown = root;
  return pointer
    .slice(1)
    .split('/')
    .map((part) => {
      const key = part.replaceAll('~1', '/').replaceAll('~0', '~');
      const segment = Array.isArray(node) ? Number(key) : key;
      node = (node as Record<string, unknown> | null | undefined)?.[key];
      return segment;
    });
}

/** Keywords that say that a value is not of the kind allowed; one message a value is enough. */
const VALUE_KEYWORDS = new Set([
  'type',
  'enum',
  'const',
  'minimum',
  'maximum',
  'exclusiveMinimum',
  'exclusiveMaximum',
  'minLength',
  'maxLength',
  'pattern',
]);

function unknownKey(error: ErrorObject, path: Segment[]): Finding {
  const key = String((error.params as Record<string, unknown>)['additionalProperty']);
  const known = Object.keys((error.parentSchema as Partial<JsonSchema> | undefined)?.properties ?? {});
  const suggestion = suggest(key, known);
  const finding: Finding = { segments: [...path, key], message: 'unknown key' };
  if (suggestion !== undefined) finding.suggestion = suggestion;
  else finding.message += known.length === 0 ? '; none is allowed here' : `; known are: ${known.join(', ')}`;
  return finding;
}

function missingKey(error: ErrorObject, path: Segment[]): Finding {
  const key = String((error.params as Record<string, unknown>)['missingProperty']);
  const schema = (error.parentSchema as Partial<JsonSchema> | undefined)?.properties?.[key];
  const allowed = schema === undefined ? '' : `; must be ${describeAllowed(schema)}`;
  return { segments: [...path, key], message: `required, but missing${allowed}` };
}

function wrongValue(error: ErrorObject, path: Segment[]): Finding {
  const schema = (error.parentSchema ?? {}) as Partial<JsonSchema>;
  // A keyword that describeAllowed knows nothing of, in an adapter's schema, is told in Ajv's words.
  const told = schema.allowed !== undefined || ['type', 'enum', 'minimum', 'maximum'].includes(error.keyword);
  const requirement =
    told || schema.minLength === 1 ? `must be ${describeAllowed(schema)}` : (error.message ?? 'is invalid');
  const finding: Finding = { segments: path, message: `${requirement}, but is ${showValue(error.data)}` };
  const choices = schema.enum?.filter((choice) => typeof choice === 'string');
  if (choices !== undefined && typeof error.data === 'string') {
    const suggestion = suggest(error.data, choices);
    if (suggestion !== undefined) finding.suggestion = suggestion;
  }
  return finding;
}

function translate(errors: readonly ErrorObject[], root: unknown, at: readonly Segment[]): Finding[] {
  const findings: Finding[] = [];
  const toldPaths = new Set<string>();
  for (const error of errors) {
    const path = [...at, ...toSegments(error.instancePath, root)];
    if (error.keyword === 'additionalProperties') findings.push(unknownKey(error, path));
    else if (error.keyword === 'required') findings.push(missingKey(error, path));
    else if (VALUE_KEYWORDS.has(error.keyword)) {
      if (toldPaths.has(error.instancePath)) continue;
      toldPaths.add(error.instancePath);
      findings.push(wrongValue(error, path));
    } else if (error.keyword !== 'if') {
      findings.push({
        segments: path,
        message: `${error.message ?? 'is invalid'}, but is ${showValue(error.data)}`,
      });
    }
  }
  return findings;
}

function toCheck(validate: ValidateFunction): SchemaCheck {
  return (value, at = []) => (validate(value) ? [] : translate(validate.errors ?? [], value, at));
}

/** A check of values against one of our own schemas, compiled at its first use. It fills defaults into the value that it is given. */
export function ownSchemaCheck(schema: JsonSchema): SchemaCheck {
  let check: SchemaCheck | undefined;
  return (value, at) => {
    check ??= toCheck(ajvOfOurOwn().compile(schema as AnySchemaObject));
    return check(value, at);
  };
}

/** As `ownSchemaCheck`, for the options schema of an adapter. Throws when it is not a JSON Schema. */
export function compileAdapterSchema(schema: Readonly<Record<string, unknown>>): SchemaCheck {
  return toCheck(newAjv({ strict: false, logger: false }).compile({ ...schema }));
}
