import fc from 'fast-check';

/** How often every property is tried, and from which seed; `npm run fuzz` sets both. */
const { DRAKKAR_FUZZ_RUNS, DRAKKAR_FUZZ_SEED } = process.env;
fc.configureGlobal({
  numRuns: Number(DRAKKAR_FUZZ_RUNS ?? 200),
  ...(DRAKKAR_FUZZ_SEED === undefined ? {} : { seed: Number(DRAKKAR_FUZZ_SEED) }),
});
