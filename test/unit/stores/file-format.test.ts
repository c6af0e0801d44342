import { describe, expect, it } from 'vitest';
import {
  contentId,
  formatRecords,
  fromJson,
  HEAD_BYTES,
  parseRecords,
  toJson,
} from '../../../src/stores/file/format.ts';

const ID = '0123456789abcdef'.repeat(2);
const record = { tenantId: 'a', provider: 'custom', data: 'x' };

describe('the text of a file', () => {
  it.each(['provider-vault/1', 'provider-vault-keys/1'] as const)(
    'has the format %s and its id in its head, and the records',
    (format) => {
      const text = formatRecords(format, ID, [record]);
      expect(contentId(text.slice(0, HEAD_BYTES))).toBe(ID);
      expect(JSON.parse(text)).toEqual({ format, id: ID, records: [record] });
      expect(text.endsWith('}\n')).toBe(true);
      expect(parseRecords(text, 'x.json', format)).toEqual([record]);
    },
  );

  it.each([
    ['without an id', '{\n  "format": "provider-vault/1",\n  "records": [] }'],
    ['with a short one', '{\n  "format": "provider-vault/1",\n  "id": "0123" }'],
    ['of another format', `{\n  "format": "provider-vault/2",\n  "id": "${ID}" }`],
    ['within another one', `[{\n  "format": "provider-vault/1",\n  "id": "${ID}" }]`],
  ])('written by hand, %s, has no id', (_what, text) => {
    expect(contentId(text)).toBeUndefined();
  });

  it.each([
    ['keys for records', 'provider-vault-keys/1', [record]],
    ['no list', 'provider-vault/1', {}],
    ['a record without a provider', 'provider-vault/1', [record, { tenantId: 'a' }]],
    ['a record without a tenant', 'provider-vault/1', [record, { provider: 'custom' }]],
    ['a record that is null', 'provider-vault/1', [record, null]],
    ['a record that is text', 'provider-vault/1', [record, 'text']],
  ])('with %s is refused, and nothing of it is quoted', (_what, format, records) => {
    const text = JSON.stringify({ format, records });
    const parse = () => parseRecords(text, '/data/x.json', 'provider-vault/1');
    const message = expect.stringContaining('/data/x.json was not written by provider-vault');
    const refused = { code: 'ERR_STORE_FAILED', message };
    expect(parse).toThrow(expect.objectContaining(refused));
    expect(parse).not.toThrow(expect.objectContaining({ cause: expect.anything() }));
  });
});

describe('a value in a file', () => {
  it.each<[string, unknown, unknown]>([
    ['a date', new Date(5), { $date: '1970-01-01T00:00:00.005Z' }],
    ['an invalid date', new Date(Number.NaN), { $date: null }],
    ['what looks like a date', { $date: 'x' }, { $literal: { $date: 'x' } }],
    ['what looks like that', { $literal: 1 }, { $literal: { $literal: 1 } }],
    ['a date with more', { $date: 'x', more: 1 }, { $date: 'x', more: 1 }],
    ['another object', { a: { b: [1, true, null] } }, { a: { b: [1, true, null] } }],
    ['no member', {}, {}],
  ])('%s is written so that it is read as it was', (_what, value, json) => {
    expect(toJson(value)).toEqual(json);
    expect(fromJson(JSON.parse(JSON.stringify(json)))).toEqual(value);
  });

  it('that is undefined is dropped from an object, and is null in a list, as in JSON', () => {
    expect(JSON.stringify(toJson({ a: undefined, b: [undefined] }))).toBe('{"b":[null]}');
  });
});
