import { describe, expect, it } from '@jest/globals';
import { checkLinearizable } from './check-linearizable.js';
import { checkLinearizableRegister } from './check.js';
import { appendListModel } from './models/append-list.js';
import { counterModel } from './models/counter.js';
import { type KeyValueInput, keyValueModel } from './models/key-value.js';
import { type RegisterInput, type RegisterOutput, registerModel } from './models/register.js';
import type { Model } from './model.js';
import type { Operation } from './operation.js';
import { isLinearizableByDefinition } from './testing/brute-force.js';
import * as histories from './testing/drawn-histories.js';
import { atomicHistory, seededRandom } from './testing/histories.js';
import { drawnCounter, drawnKeyValue, drawnList, drawnRegister } from './testing/timelines.js';

/** Both the search and the definition give the verdict that was written down. */
function suite<State, Input, Output>(
  model: Model<State, Input, Output>,
  read: (drawing: string) => Operation<Input, Output>[],
  good: readonly histories.Drawn[],
  bad: readonly histories.Drawn[],
): void {
  describe(model.name, () => {
    it.each(good.map((each) => [each.shows, each.drawing]))('allows %s', (_shows, drawing) => {
      const operations = read(drawing);
      expect(isLinearizableByDefinition(model, operations)).toBe(true);
      expect(checkLinearizable(model, operations)).toMatchObject({
        verdict: 'ok',
        operationCount: operations.length,
      });
    });

    it.each(bad.map((each) => [each.shows, each.drawing]))('finds %s', (_shows, drawing) => {
      const operations = read(drawing);
      expect(operations.length).toBeGreaterThan(0);
      expect(isLinearizableByDefinition(model, operations)).toBe(false);
      const result = checkLinearizable(model, operations);
      expect(result.verdict).toBe('violation');
      if (result.verdict !== 'violation') return;
      const { violation, message } = result;
      expect(isLinearizableByDefinition(model, violation.operations)).toBe(false);
      expect(violation.stuck.length).toBeGreaterThan(0);
      for (const { input, output } of violation.stuck)
        expect(message).toContain(model.describe(input, output));
    });
  });
}

suite(registerModel(), drawnRegister, histories.GOOD_REGISTER, histories.BAD_REGISTER);
suite(keyValueModel(), drawnKeyValue, histories.GOOD_KEY_VALUE, histories.BAD_KEY_VALUE);
suite(counterModel(), drawnCounter, histories.GOOD_COUNTER, histories.BAD_COUNTER);
suite(appendListModel(), drawnList, histories.GOOD_LIST, histories.BAD_LIST);

describe('the drawn histories', () => {
  it('are at least 40 good and 40 bad', () => {
    const { GOOD_REGISTER, GOOD_KEY_VALUE, GOOD_COUNTER, GOOD_LIST } = histories;
    const { BAD_REGISTER, BAD_KEY_VALUE, BAD_COUNTER, BAD_LIST } = histories;
    expect([GOOD_REGISTER, GOOD_KEY_VALUE, GOOD_COUNTER, GOOD_LIST].flat().length).toBeGreaterThanOrEqual(40);
    expect([BAD_REGISTER, BAD_KEY_VALUE, BAD_COUNTER, BAD_LIST].flat().length).toBeGreaterThanOrEqual(40);
  });
});

/** A history of the register checker as one of the general one. */
function generalised(history: ReturnType<typeof atomicHistory>): Operation<KeyValueInput, RegisterOutput>[] {
  return history.map(({ key, kind, value, invokedAt, returnedAt, client }) => {
    const input: RegisterInput =
      kind === 'get' ? { kind: 'read' } : { kind: 'write', value: kind === 'put' ? value : undefined };
    const output: RegisterOutput = kind === 'get' ? { value } : {};
    return {
      input: { ...input, key },
      output: returnedAt === undefined ? undefined : output,
      invokedAt,
      returnedAt,
      client: client ?? 0,
    };
  });
}

describe('random histories', () => {
  it('get the same verdict from the register checker, which searches in another way', () => {
    const verdicts = { ok: 0, violation: 0, undecided: 0 };
    for (let seed = 1; seed <= 400; seed++) {
      const random = seededRandom(seed);
      const history = atomicHistory(random, { length: 30, clients: 4, values: 4, unknownOneIn: 8 });
      // Half of them with one value changed: mostly, that can't be explained.
      const broken = history.map((operation, i) =>
        seed % 2 === 0 && i === 15 ? { ...operation, value: Number(operation.value ?? 0) + 1 } : operation,
      );
      const special = checkLinearizableRegister(broken).verdict;
      expect({ seed, verdict: checkLinearizable(keyValueModel(), generalised(broken)).verdict }).toEqual({
        seed,
        verdict: special,
      });
      verdicts[special]++;
    }
    expect(verdicts.ok).toBeGreaterThan(200);
    expect(verdicts.violation).toBeGreaterThan(20);
    expect(verdicts.undecided).toBe(0);
  });

  it('give random histories of a few operations the verdict of the definition', () => {
    const verdicts = { ok: 0, violation: 0, undecided: 0 };
    for (let seed = 1; seed <= 300; seed++) {
      const random = seededRandom(seed);
      const operations: Operation<RegisterInput, RegisterOutput>[] = Array.from(
        { length: 5 },
        (_, client) => {
          const invokedAt = random(12);
          const isKnown = random(5) > 0;
          const value = random(2);
          const kinds: [RegisterInput, RegisterOutput][] = [
            [{ kind: 'read' }, { value }],
            [{ kind: 'write', value }, {}],
            [{ kind: 'cas', expected: random(2), value }, { isSet: random(2) === 0 }],
          ];
          const [input, output] = kinds[random(3)] as [RegisterInput, RegisterOutput];
          return {
            client,
            input,
            output: isKnown ? output : undefined,
            invokedAt,
            returnedAt: isKnown ? invokedAt + 1 + random(6) : undefined,
          };
        },
      );
      const { verdict } = checkLinearizable(registerModel(0), operations);
      expect({ seed, isOK: verdict === 'ok' }).toEqual({
        seed,
        isOK: isLinearizableByDefinition(registerModel(0), operations),
      });
      verdicts[verdict]++;
    }
    expect(Math.min(verdicts.ok, verdicts.violation)).toBeGreaterThan(50);
  });

  it('check 100,000 operations on 100 keys', () => {
    const random = seededRandom(7);
    const operations = Array.from({ length: 100 }, (_, key) =>
      generalised(atomicHistory(random, { length: 1_000, clients: 5, unknownOneIn: 200 })).map(
        (operation) => ({
          ...operation,
          input: { ...operation.input, key },
        }),
      ),
    ).flat();
    expect(operations.length).toBeGreaterThan(90_000);
    expect(checkLinearizable(keyValueModel(), operations, { timeLimitMs: 120_000 }).verdict).toBe('ok');
  });

  it('ends undecided, not in a verdict, when its time is up', () => {
    const many = Array.from({ length: 400 }, (_, i) => ({
      client: i,
      input: { kind: 'write', value: i } as const,
      output: {},
      invokedAt: 0,
      returnedAt: 1_000,
    }));
    const never = {
      client: -1,
      input: { kind: 'read' } as const,
      output: { value: -5 },
      invokedAt: 5,
      returnedAt: 900,
    };
    const result = checkLinearizable(registerModel(), [...many, never], { timeLimitMs: 50 });
    expect(result).toMatchObject({ verdict: 'undecided', reason: 'out of time' });
  });
});
