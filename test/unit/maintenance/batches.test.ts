import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { OperationError, VaultError } from 'provider-vault';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type BatchHandling, forEachBatch } from '../../../src/maintenance/batches.ts';
import type { LongOperationOptions } from '../../../src/maintenance/long-operation.ts';
import { rejection } from '../../support/fixtures.ts';

afterEach(() => vi.useRealTimers());

interface Count {
  scanned: number;
  items: number[];
}
type Handling = Partial<BatchHandling<number, Count>>;

const numbers = (count: number) => Array.from({ length: count }, (_, n) => n);

/** Gives the numbers below `count` in batches, from behind the place `after`. */
function reader(count: number) {
  return async function* (after: string | undefined, batchSize: number) {
    const begin = after === undefined ? 0 : Number(after) + 1;
    for (let at = begin; at < count; at += batchSize) {
      yield numbers(count).slice(at, at + batchSize);
    }
  };
}

/** Goes through the numbers below `count`, one a batch; `each` is what takes time. */
function run(
  count: number,
  options: LongOperationOptions,
  each: (item: number) => unknown,
  more: Handling = {},
): Promise<Count> {
  return forEachBatch(
    reader(count),
    { batchSize: 1, ...options },
    {
      emptyReport: () => ({ scanned: 0, items: [] }),
      handle: async (batch, part) => {
        for (const item of batch) {
          await each(item);
          part.scanned++;
          part.items.push(item);
        }
      },
      placeOf: String,
      tenantOf: (item) => `t${item}`,
      ...more,
    },
  );
}

/** A promise, and what ends it. */
function gate() {
  let open = () => {};
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { open: () => open(), opened };
}

describe('the batches of a long operation', () => {
  it('are handled at once up to the limit, and reported in their order', async () => {
    let underway = 0;
    let most = 0;
    const order: number[] = [];
    const issues: unknown[] = [];
    const report = await run(
      12,
      { concurrency: 3, onIssue: (issue, list) => issues.push([issue, list]) },
      async (item) => {
        most = Math.max(most, ++underway);
        await sleep(item % 3 === 0 ? 30 : 1);
        underway--;
        order.push(item);
      },
    );
    expect(most).toBe(3);
    expect(order).not.toEqual(numbers(12));
    expect(report).toEqual({ scanned: 12, items: numbers(12) });
    expect(issues).toEqual(numbers(12).map((item) => [item, 'items']));
  });

  it('behind one that takes long are handled, but not without end', async () => {
    const { open, opened } = gate();
    let handled = 0;
    const running = run(100, { concurrency: 2 }, async (item) => {
      if (item === 0) return opened;
      handled++;
    });
    await vi.waitFor(() => expect(handled).toBe(31)); // 16 for each of the two, with the first
    await sleep(50);
    expect(handled).toBe(31);
    open();
    expect(await running).toMatchObject({ scanned: 100, items: numbers(100) });
  });

  it('behind one that fails are not waited for without end', async () => {
    const { open, opened } = gate();
    let handled = 0;
    const running = run(100, { concurrency: 2 }, async (item) => {
      if (item === 0) return opened.then(() => Promise.reject(new Error('failed')));
      handled++;
    });
    await vi.waitFor(() => expect(handled).toBe(31));
    open();
    const error = (await rejection(running)) as OperationError<Count>;
    expect(error).toMatchObject({ report: { scanned: 31 }, after: undefined });
    expect(handled).toBe(31);
  });

  it('with a key in common follow each other, and the others do not wait', async () => {
    const { open, opened } = gate();
    const begun: number[] = [];
    const running = run(
      6,
      { concurrency: 6 },
      async (item) => {
        begun.push(item);
        if (item === 0) await opened;
      },
      { keyOf: (item) => (item % 2 === 0 ? 'even' : undefined) },
    );
    await vi.waitFor(() => expect(begun).toHaveLength(4));
    await sleep(20);
    expect(begun).toEqual([0, 1, 3, 5]);
    open();
    expect((await running).items).toEqual(numbers(6));
    expect(begun).toEqual([0, 1, 3, 5, 2, 4]);
  });

  it('end with the first error; what was done counts, and nothing more begins', async () => {
    const { open, opened } = gate();
    const begun: number[] = [];
    const running = rejection(
      run(20, { concurrency: 2, batchSize: 2 }, async (item) => {
        begun.push(item);
        if (item === 2) await opened;
        if (item === 5) throw new Error('the first');
        if (item === 3) throw new Error('the second');
      }),
    );
    await vi.waitFor(() => expect(begun).toContain(5));
    open();
    const error = (await running) as OperationError<Count>;
    expect(error).toBeInstanceOf(OperationError);
    expect(error.cause).toMatchObject({ message: 'the first' });
    expect(error.code).toBe('ERR_STORE_FAILED');
    expect(error.report).toEqual({ scanned: 4, items: [0, 1, 2, 4] });
    expect(error.after).toBe('1'); // up to there everything is done
    expect(begun.sort()).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it('that wait for another one’s end do not begin after an error', async () => {
    const [first, second] = [gate(), gate()];
    const begun: number[] = [];
    const running = rejection(
      run(
        3,
        { concurrency: 3 },
        async (item) => {
          begun.push(item);
          if (item === 0) await first.opened;
          if (item === 1) await second.opened.then(() => Promise.reject(new Error('failed')));
        },
        { keyOf: (item) => (item === 1 ? 'odd' : 'even') },
      ),
    );
    await vi.waitFor(() => expect(begun).toContain(1));
    await sleep(20); // the third waits for the first
    second.open();
    await sleep(1);
    first.open();
    expect(await running).toBeInstanceOf(OperationError);
    expect(begun).toEqual([0, 1]);
  });

  it('that end after an abort was given up change no report any more', async () => {
    const { open, opened } = gate();
    const abort = new AbortController();
    const issues: unknown[] = [];
    const onIssue = (issue: unknown) => void issues.push(issue);
    const onProgress = onIssue;
    const options = { signal: abort.signal, concurrency: 1, onIssue, onProgress };
    const running = run(3, options, async () => {
      abort.abort();
      await opened; // a store that hangs
    });
    const error = (await rejection(running)) as OperationError<Count>;
    expect(error).toMatchObject({ code: 'ERR_ABORTED', report: { scanned: 0, items: [] } });
    open();
    await sleep(20);
    expect(error.report).toEqual({ scanned: 0, items: [] });
    expect(issues).toEqual([]);
  });

  it('keep their error where `onIssue` throws as well', async () => {
    let told = 0;
    const error = (await rejection(
      run(
        2,
        {
          batchSize: 2,
          onIssue: () => {
            told++;
            throw new Error('of the caller');
          },
        },
        (item) => item === 1 && Promise.reject(new Error('of the store')),
      ),
    )) as OperationError;
    expect(told).toBe(1);
    expect(error.cause).toMatchObject({ message: 'of the store' });
  });

  it('that are empty are passed over', async () => {
    const report = await forEachBatch(
      async function* () {
        yield [];
        yield [1];
        yield [];
      },
      {},
      {
        emptyReport: () => ({ scanned: 0, batches: 0 }),
        handle: async (batch, part) => {
          part.batches++;
          part.scanned += batch.length;
        },
        placeOf: (item) => item.toFixed(),
        tenantOf: () => 'a',
      },
    );
    expect(report).toEqual({ scanned: 1, batches: 1 });
  });

  it('of one share of the tenants only are handled, an unknown tenant counting as ""', async () => {
    const of = 1_000;
    const digest = createHash('sha256').digest('hex'); // of nothing
    const own = Number(BigInt(`0x${digest}`) % BigInt(of));
    for (const index of [own, own + 1]) {
      const unknown = { tenantOf: () => undefined };
      const { scanned } = await run(20, { part: { index, of } }, () => {}, unknown);
      expect(scanned).toBe(index === own ? 20 : 0);
    }
  });

  it('of the tenants of one range only are handled, the first excluded, the last included', async () => {
    const at = (tenantId: string) => ({ tenantId, provider: 'custom' });
    for (const [range, items] of [
      [{ after: at('t3'), until: at('t5') }, [4, 5]],
      [{ after: at('t6') }, [7, 8, 9]],
      [{ until: at('t1') }, [0, 1]],
    ] as const) {
      expect((await run(10, { range }, () => {})).items).toEqual(items);
    }
    const unknown = { tenantOf: () => undefined }; // before all others
    expect((await run(2, { range: { until: at('A') } }, () => {}, unknown)).scanned).toBe(2);
  });
});

describe('the progress of a long operation', () => {
  it('is the items so far, how many there are, and how many a second', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    vi.advanceTimersByTime(5_000);
    const seen: unknown[] = [];
    await run(
      4,
      { batchSize: 2, concurrency: 1, onProgress: (progress) => seen.push(progress) },
      async () => {
        await sleep(1);
        vi.advanceTimersByTime(250);
      },
      { total: async () => 4 },
    );
    expect(seen).toEqual([
      { done: 2, rate: 4, total: 4 },
      { done: 4, rate: 4, total: 4 },
    ]);
  });

  it.each<[string, LongOperationOptions]>([
    ['a part', { part: { index: 0, of: 1 } }],
    ['a range', { range: {} }],
    ['the rest', { after: '0' }],
  ])('does not say how many there are in %s', async (_what, options) => {
    const totals: unknown[] = [];
    let asked = 0;
    const total = async () => ++asked;
    await run(3, { ...options, onProgress: (progress) => totals.push(progress.total) }, () => {}, {
      total,
    });
    expect(asked).toBe(0);
    expect(new Set(totals)).toEqual(new Set([undefined]));
  });
});

describe('a reader that fails', () => {
  /** Fails with `error` behind each second number, `times` times. */
  function breaking(error: Error, times: number) {
    const state = { reads: 0 };
    const read = async function* (after: string | undefined, batchSize: number) {
      const breaks = state.reads++ < times;
      let given = 0;
      for await (const batch of reader(6)(after, batchSize)) {
        if (breaks && given++ === 2) throw error;
        yield batch;
      }
    };
    return { state, read };
  }
  const lost = () => new VaultError('ERR_STORE_UNAVAILABLE', 'lost');
  const handling: BatchHandling<number, Count> = {
    emptyReport: () => ({ scanned: 0, items: [] }),
    handle: async (batch, part) => {
      part.scanned += batch.length;
      part.items.push(...batch);
    },
    placeOf: String,
    tenantOf: () => 'a',
  };

  it('is opened again behind what it has read', async () => {
    const { state, read } = breaking(lost(), 2);
    const report = await forEachBatch(read, { batchSize: 1 }, handling);
    expect(report.items).toEqual(numbers(6));
    expect(state.reads).toBe(3);
  });

  it('is not opened again where it cannot go on in the middle, or for another error', async () => {
    const { placeOf: _, ...withoutPlace } = handling;
    for (const [error, how] of [
      [lost(), withoutPlace],
      [new VaultError('ERR_STORE_FAILED', 'broken'), handling],
      [new Error('unknown'), handling],
    ] as const) {
      const { state, read } = breaking(error, 1);
      const failed = await rejection(forEachBatch(read, { batchSize: 1, concurrency: 1 }, how));
      expect(failed).toMatchObject({ cause: error, report: { scanned: 2 } });
      expect(state.reads).toBe(1);
    }
  });

  it('is not waited for once the operation is aborted', async () => {
    const { state, read } = breaking(lost(), 9);
    const abort = new AbortController();
    const running = forEachBatch(
      read,
      { batchSize: 1, signal: abort.signal, onProgress: ({ done }) => done === 2 && abort.abort() },
      handling,
    );
    expect(await rejection(running)).toMatchObject({ code: 'ERR_ABORTED' });
    await sleep(150);
    expect(state.reads).toBe(1);
  });
});
