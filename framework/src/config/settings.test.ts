import { describe, expect, it } from '@jest/globals';
import { hardSettings, hardSettingsHash } from './hard.js';
import { DEFAULT_SOFT_SETTINGS, softSettingsSchema } from './soft-schema.js';

describe('soft settings', () => {
  it('have a default for every key, within its own bounds', () => {
    for (const [key, schema] of Object.entries(softSettingsSchema.properties ?? {})) {
      const value = DEFAULT_SOFT_SETTINGS[key as keyof typeof DEFAULT_SOFT_SETTINGS];
      expect(value).toBeGreaterThanOrEqual(schema.minimum ?? NaN);
      expect(value).toBeLessThanOrEqual(schema.maximum ?? NaN);
      expect(schema.description).toMatch(/\.$/);
    }
    expect(Object.keys(DEFAULT_SOFT_SETTINGS)).toEqual(Object.keys(softSettingsSchema.properties ?? {}));
  });

  it('can not be changed', () => {
    expect(Object.isFrozen(DEFAULT_SOFT_SETTINGS)).toBe(true);
  });
});

describe('hardSettingsHash', () => {
  it('is the same in every release: a data directory keeps it', () => {
    expect(hardSettingsHash(hardSettings())).toMatchInlineSnapshot(`5823172981871809764n`);
  });

  it('differs when any setting does, and not with the order of keys', () => {
    const base = hardSettings();
    const reversed = Object.fromEntries(Object.entries(base).reverse()) as unknown as typeof base;
    expect(hardSettingsHash(reversed)).toBe(hardSettingsHash(base));
    for (const key of Object.keys(base) as (keyof typeof base)[]) {
      expect(hardSettingsHash({ ...base, [key]: base[key] + 1 })).not.toBe(hardSettingsHash(base));
    }
    expect(hardSettingsHash(hardSettings({ lruMaxSessionCount: 10 }))).not.toBe(hardSettingsHash(base));
  });
});
