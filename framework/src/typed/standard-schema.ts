/** The part of Standard Schema (standardschema.dev) that is used here: zod, valibot, arktype and others have it. */
export interface StandardSchema<Input = unknown, Output = Input> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => StandardResult<Output> | Promise<StandardResult<Output>>;
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

export type StandardResult<Output> =
  { readonly value: Output; readonly issues?: undefined } | { readonly issues: readonly StandardIssue[] };

export interface StandardIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** What went wrong where, on one line. */
export function describeIssues(issues: readonly StandardIssue[]): string {
  const pathOf = ({ path = [] }: StandardIssue): string =>
    path.map((part) => String(typeof part === 'object' ? part.key : part)).join('.');
  return issues
    .map((issue) => (pathOf(issue) === '' ? issue.message : `${pathOf(issue)}: ${issue.message}`))
    .join('; ');
}
