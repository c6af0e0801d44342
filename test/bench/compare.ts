import { Bench } from 'tinybench';

/**
 * Times two ways of doing one thing in turn, and prints their medians and the ratio second : first.
 * Rounds alternate, so that a machine whose speed drifts slows both.
 */
export async function compare(
  name: string,
  ways: Record<string, () => unknown>,
  rounds = 5,
): Promise<void> {
  const [first, second] = Object.keys(ways) as [string, string];
  const medians: Record<string, number[]> = { [first]: [], [second]: [] };
  for (let round = 0; round < rounds; round++) {
    for (const way of [first, second]) {
      const bench = new Bench({ time: 300, warmupTime: 50 });
      bench.add(way, ways[way] as () => unknown);
      await bench.run();
      const { result } = bench.tasks[0] as (typeof bench.tasks)[0];
      if (result.state !== 'completed') throw new Error(`${name}: "${way}" did not complete`);
      medians[way]?.push(result.latency.p50);
    }
  }
  const median = (way: string) => medians[way]?.sort((a, b) => a - b)[rounds >> 1] as number;
  const µs = (way: string) => `${(median(way) * 1000).toFixed(1)} µs`;
  const ratio = (median(second) / median(first)).toFixed(2);
  console.log(
    `  ${name.padEnd(20)} ${first} ${µs(first)}, ${second} ${µs(second)}, ratio ${ratio}`,
  );
}
