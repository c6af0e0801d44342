import { describe, expect, it } from 'vitest';
import { BROKEN_CONNECTION, withCauses } from '../../../src/stores/failure.ts';

describe('withCauses', () => {
  it('gives an error and what caused it, outermost first', () => {
    const inner = new Error('inner');
    const middle = new Error('middle', { cause: inner });
    const outer = new Error('outer', { cause: middle });
    expect(withCauses(outer)).toEqual([outer, middle, inner]);
    expect(withCauses(new Error('x', { cause: 'text' }))).toHaveLength(1);
  });

  it('prefers the response of a bulk write to the cause', () => {
    const errorResponse = new Error('the server says');
    const error = Object.assign(new Error('bulk', { cause: new Error('cause') }), {
      errorResponse,
    });
    expect(withCauses(error)).toEqual([error, errorResponse]);
    const other = Object.assign(new Error('bulk', { cause: errorResponse }), {
      errorResponse: { code: 1 },
    });
    expect(withCauses(other)).toEqual([other, errorResponse]);
  });

  it('ends with five, also in a circle', () => {
    const error = new Error('circle');
    error.cause = error;
    expect(withCauses(error)).toHaveLength(5);
  });

  it.each([undefined, null, 'text', 7])('finds none in %j', (error) => {
    expect(withCauses(error)).toEqual([]);
  });
});

it.each([
  ['ECONNRESET', true],
  ['EHOSTUNREACH', true],
  ['ERR_SOCKET_CLOSED', true],
  ['XECONNRESET', false],
  ['ERR_SOCKET_CLOSED_BY_ME', false],
  ['EACCES', false],
])('knows by its code whether a connection broke: %s', (code, broken) => {
  expect(BROKEN_CONNECTION.test(code)).toBe(broken);
});
