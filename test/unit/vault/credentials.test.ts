import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { memoryVault } from '../../support/fixtures.ts';

const MARK = 'marked-value-7f3a';

async function bundle(fields: Record<string, string> = { token: MARK, other: MARK }) {
  const { vault } = memoryVault();
  await vault.put('acme', 'custom', fields);
  return vault.require('acme', 'custom');
}

describe('Credentials', () => {
  it('can be read field by field, and revealed', async () => {
    const credentials = await bundle();
    const { token } = credentials;
    expect(token).toBe(MARK);
    expect(credentials.other).toBe(MARK);
    expect(credentials.none).toBeUndefined();
    expect(credentials.reveal()).toEqual({ token: MARK, other: MARK });
    expect((credentials as object).constructor.name).toBe('Credentials');
  });

  it('are frozen', async () => {
    const credentials = await bundle();
    expect(Object.isFrozen(credentials)).toBe(true);
    expect(() => Object.assign(credentials, { token: 'x' })).toThrow(TypeError);
    credentials.reveal().token = 'x';
    expect(credentials.token).toBe(MARK);
  });

  it('show names and [redacted], never values', async () => {
    const credentials = await bundle();
    const shown = {
      json: JSON.stringify({ deep: [{ credentials }] }),
      inspect: inspect(credentials),
      deep: inspect({ a: { b: { c: credentials } } }, { depth: 9 }),
      hidden: inspect(credentials, { showHidden: true, customInspect: false, depth: 9 }),
      text: `${credentials}`,
      spread: inspect({ ...credentials }),
      assigned: JSON.stringify(Object.assign({}, credentials)),
      clone: inspect(structuredClone(credentials)),
      cause: inspect(new Error('x', { cause: credentials })),
      entries: inspect(Object.entries(credentials)),
    };
    for (const [way, text] of Object.entries(shown)) {
      expect(text, way).not.toContain(MARK);
      expect(text, way).toContain('token');
      expect(text, way).toContain('redacted');
    }
    expect(JSON.parse(JSON.stringify(credentials))).toEqual({
      token: '[redacted]',
      other: '[redacted]',
    });
  });

  it('cannot be unmasked by a field of a special name', async () => {
    const fields = { toJSON: MARK, reveal: MARK, meta: MARK, toString: MARK, constructor: MARK };
    const credentials = await bundle(fields);
    expect(JSON.stringify(credentials)).not.toContain(MARK);
    expect(inspect(credentials)).not.toContain(MARK);
    expect(credentials.reveal()).toEqual(fields);
    expect(credentials.meta.tenantId).toBe('acme');
  });
});
