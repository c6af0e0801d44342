// A long operation that shows its progress and never ends, whatever its signal says.
import { withProgress } from '../../../src/cli/operation.ts';

await withProgress('Hanging', false, ({ onProgress }) => {
  onProgress({ done: 1, total: 2, rate: 1 });
  setInterval(() => {}, 1_000); // keeps the process alive
  return new Promise(() => {});
});
