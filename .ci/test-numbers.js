// Prints "N passed, N failed" from files of vitest's json reporter; a run that was left out has none.
import { existsSync, readFileSync } from 'node:fs';

let [passed, failed] = [0, 0];
for (const file of process.argv.slice(2).filter(existsSync)) {
  const { numPassedTests, numFailedTests, testResults } = JSON.parse(readFileSync(file, 'utf8'));
  // A file that could not be loaded has no tests to count, and is a failure all the same.
  const notLoaded = testResults.filter(
    ({ status, assertionResults }) => status === 'failed' && assertionResults.length === 0,
  );
  passed += numPassedTests;
  failed += numFailedTests + notLoaded.length;
}
console.log(`${passed} passed, ${failed} failed`);
