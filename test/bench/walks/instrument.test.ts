import { transform } from 'esbuild';
import { expect, it } from 'vitest';
import { instrument } from './instrument.ts';
import { enterFunction, trace } from './trace.ts';

/** The entries of a call of `run`, which `text` defines. */
async function entriesOf(text: string): Promise<boolean[]> {
  const { code } = await transform(instrument(text, 'file.ts'), { loader: 'ts' });
  const run = new Function('enterFunction', `${code}; return run;`)(enterFunction);
  const entries = await trace(async () => run());
  expect(entries.every(({ file }) => file === 'file.ts')).toBe(true);
  return entries.map(({ named }) => named);
}

const named = true;
const callback = false;

it('sees functions of all kinds', async () => {
  const text = `
    class Base { constructor(readonly value: number) {} }
    class Derived extends Base {
      constructor() { super(1); }
      get read() { return this.value; }
      static create() { return new Derived(); }
      arrow = () => this.value;
    }
    const run = () => { const derived = Derived.create(); return derived.read + derived.arrow(); };`;
  // run, create, both constructors, the accessor and the arrow function
  expect(await entriesOf(text)).toEqual([named, named, named, named, named, named]);
});

it('tells callbacks from functions with a name', async () => {
  const text = `
    const run = () => [1].map((n) => (m: number) => n + m).map((add) => wrap(add)).length;
    const wrap = ((add) => add(1)) as (add: (m: number) => number) => number;`;
  expect(await entriesOf(text)).toEqual([named, callback, callback, named, callback]);
});

it('keeps what functions return, object literals included', async () => {
  const text = `const run = () => ({ value: [1, 2].map((n) => n * 2) });`;
  const { code } = await transform(instrument(text, 'file.ts'), { loader: 'ts' });
  const run = new Function('enterFunction', `${code}; return run;`)(enterFunction);
  expect(run()).toEqual({ value: [2, 4] });
});

it('counts what is entered during the call only', async () => {
  expect(await entriesOf('function inner() {} inner(); function run() { inner(); }')).toEqual([
    named,
    named,
  ]);
});
