import { describe, expect, it } from '@jest/globals';
import { checkLinearizable } from './check-linearizable.js';
import { appendListHistory, counterHistory, keyValueHistory, registerHistory } from './jepsen.js';
import { appendListModel } from './models/append-list.js';
import { counterModel } from './models/counter.js';
import { keyValueModel } from './models/key-value.js';
import { registerModel } from './models/register.js';

const REGISTER = `
{:process 0, :type :invoke, :f :write, :value 1, :time 10, :index 0}
{:process :nemesis, :type :info, :f :partition, :value nil, :time 11, :index 1}
{:process 1, :type :invoke, :f :cas, :value [1 2], :time 12, :index 2}
{:process 0, :type :ok, :f :write, :value 1, :time 13, :index 3}
{:process 1, :type :info, :f :cas, :value [1 2], :error :timeout, :time 14, :index 4}
{:process 2, :type :invoke, :f :read, :value nil, :time 15, :index 5}
{:process 2, :type :ok, :f :read, :value SEEN, :time 16, :index 6}
{:process 2, :type :invoke, :f :write, :value 7, :time 17, :index 7}
{:process 2, :type :fail, :f :write, :value 7, :time 18, :index 8}
{:process 3, :type :invoke, :f :read, :value nil, :time 19, :index 9}
`;

describe('a history of Jepsen', () => {
  it.each([
    ['1', 'ok'],
    ['2', 'ok'],
    ['nil', 'violation'],
    ['7', 'violation'],
  ])('is judged as a register when a read saw %s: %s', (seen, verdict) => {
    const operations = registerHistory(REGISTER.replace('SEEN', seen));
    expect(operations.map(({ client, returnedAt }) => [client, returnedAt !== undefined])).toEqual([
      [0, true],
      [1, false],
      [2, true],
      [3, false],
    ]);
    expect(checkLinearizable(registerModel(), operations).verdict).toBe(verdict);
  });

  it('may be one vector, with keys as tuples of jepsen.independent', () => {
    const text = `[{:process 0 :type :invoke :f :write :value #jepsen.independent.Tuple ["x" 1]}
                   {:process 0 :type :ok :f :write :value ["x" 1]}
                   {:process 0 :type :invoke :f :read :value ["y" nil]}
                   {:process 0 :type :ok :f :read :value ["y" nil]}
                   {:process 0 :type :invoke :f :read :value ["x" nil]}
                   {:process 0 :type :ok :f :read :value ["x" 1]}]`;
    expect(checkLinearizable(keyValueModel(), keyValueHistory(text))).toMatchObject({
      verdict: 'ok',
      partCount: 2,
      operationCount: 3,
    });
    const stale = text.replace(':value ["x" 1]}]', ':value ["x" nil]}]');
    expect(checkLinearizable(keyValueModel(), keyValueHistory(stale))).toMatchObject({
      verdict: 'violation',
      violation: { part: 'x' },
    });
  });

  it('may be of a counter or of a list', () => {
    const counter = counterHistory(`{:process 0 :type :invoke :f :add :value 2}
      {:process 0 :type :ok :f :add :value 2}
      {:process 1 :type :invoke :f :read :value nil} {:process 1 :type :ok :f :read :value 3}`);
    expect(checkLinearizable(counterModel(), counter).verdict).toBe('violation');
    expect(checkLinearizable(counterModel(1), counter).verdict).toBe('ok');
    const list = appendListHistory(`{:process 0 :type :invoke :f :append :value 2}
      {:process 0 :type :info :f :append :value 2}
      {:process 1 :type :invoke :f :read :value nil} {:process 1 :type :ok :f :read :value [2]}
      {:process 1 :type :invoke :f :read :value nil} {:process 1 :type :ok :f :read :value (2)}`);
    expect(checkLinearizable(appendListModel(), list).verdict).toBe('ok');
  });

  it.each([
    ['{:process 0', 'is not EDN'],
    ['42', 'event 1 of the history: a map is expected, not 42'],
    ['{:process 0 :type :done :f :read}', 'event 1 of the history: :type must be'],
    ['{:process 0 :type :invoke}', 'event 1 of the history: :f is missing'],
    ['{:process 0 :type :ok :f :read}', 'completes what it did not invoke'],
    [
      '{:process 0 :type :invoke :f :read} {:process 0 :type :invoke :f :read}',
      'event 2 of the history: process 0 has',
    ],
    ['{:process 0 :type :invoke :f :pop}', ':f :pop with value nothing is not of this model'],
    ['{:process 0 :type :invoke :f :cas :value 3}', ':f :cas with value 3 is not of this model'],
  ])('is refused when it is wrong: %s', (text, message) => {
    let thrown: unknown;
    try {
      registerHistory(text);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({ code: 'ERR_INVALID_HISTORY', message: expect.stringContaining(message) });
  });
});
