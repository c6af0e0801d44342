import { performance } from 'node:perf_hooks';
import type { Row } from './table.ts';

const WARM_UP_MS = 500;

type Operation = () => unknown;

/** Two ways to do one thing. */
export interface Ways {
  readonly byHand: Operation;
  readonly library: Operation;
}

export interface CompareOptions {
  /** Calls under way at once. @defaultValue 1 */
  readonly concurrency?: number;
  /** @defaultValue 401 */
  readonly rounds?: number;
  /**
   * About how long one way runs before the other one's turn, in milliseconds. Short slices: on a busy
   * machine most of them are not interrupted. @defaultValue 5
   */
  readonly sliceMs?: number;
}

/**
 * Times two ways in alternation and gives the medians, in microseconds per call, and how long the
 * library takes for each unit of time that the other way takes. The ratio is computed per round, of
 * slices that directly follow each other: what slows the machine down for a while slows both.
 */
export async function compare(
  { byHand, library }: Ways,
  { concurrency = 1, rounds = 401, sliceMs = 5 }: CompareOptions = {},
): Promise<Row> {
  const prepare = async (operation: Operation) => {
    const calls = await callsWithin(operation, concurrency, sliceMs);
    return async () => (await time(operation, calls, concurrency)) / calls;
  };
  const { hand, own, ratio } = await alternate(
    rounds,
    await prepare(byHand),
    await prepare(library),
  );
  return {
    'by hand, µs': summarize(hand).median * 1000,
    'library, µs': summarize(own).median * 1000,
    ...columns('time', ratio),
  };
}

/**
 * Like {@link compare}, for operations on many records that time themselves: each gives the
 * milliseconds it took for `count` records. The ratio is of speeds: above 1 the library is faster.
 */
export async function compareSpeeds(
  count: number,
  byHand: () => Promise<number>,
  library: () => Promise<number>,
  rounds: number,
): Promise<Row> {
  await byHand();
  await library();
  const { hand, own, ratio } = await alternate(rounds, byHand, library);
  return {
    'by hand, per s': Math.round((count / summarize(hand).median) * 1000),
    'library, per s': Math.round((count / summarize(own).median) * 1000),
    ...columns(
      'speed',
      ratio.map((timeRatio) => 1 / timeRatio),
    ),
  };
}

async function alternate(
  rounds: number,
  byHand: () => Promise<number>,
  library: () => Promise<number>,
) {
  const hand: number[] = [];
  const own: number[] = [];
  for (let round = 0; round < rounds; round++) {
    // There and back: what one leaves behind, such as garbage, burdens both alike.
    const first = await byHand();
    own.push(((await library()) + (await library())) / 2);
    hand.push((first + (await byHand())) / 2);
  }
  return { hand, own, ratio: own.map((time, round) => time / (hand[round] as number)) };
}

function columns(of: string, ratios: readonly number[]) {
  const { median, ...spread } = summarize(ratios);
  return { [`${of} library : by hand`]: median, ...spread };
}

/** The median of values and how far they spread. */
export function summarize(values: readonly number[]) {
  const sorted = values.toSorted((a, b) => a - b);
  const quantile = (part: number) => sorted[Math.round(part * (sorted.length - 1))] as number;
  return {
    median: quantile(0.5),
    min: quantile(0),
    '25 %': quantile(0.25),
    '75 %': quantile(0.75),
    max: quantile(1),
  };
}

/** Warms the code up, and finds out how many calls take about `sliceMs`. */
async function callsWithin(
  operation: Operation,
  concurrency: number,
  sliceMs: number,
): Promise<number> {
  let calls = concurrency;
  for (;;) {
    const took = await time(operation, calls, concurrency);
    if (took >= WARM_UP_MS) return Math.max(concurrency, Math.round((calls * sliceMs) / took));
    calls *= 2;
  }
}

/** Milliseconds that one call takes. */
export async function timed(operate: () => Promise<void>): Promise<number> {
  const started = performance.now();
  await operate();
  return performance.now() - started;
}

/** Milliseconds that `calls` calls take. */
async function time(operation: Operation, calls: number, concurrency: number): Promise<number> {
  let left = calls;
  const work = async () => {
    while (left-- > 0) {
      const result = operation();
      if (result instanceof Promise) await result;
    }
  };
  const started = performance.now();
  await Promise.all(Array.from({ length: concurrency }, work));
  return performance.now() - started;
}
