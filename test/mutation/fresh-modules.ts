import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { inject, vi } from 'vitest';

declare module 'vitest' {
  // What Stryker's runner provides.
  interface ProvidedContext {
    globalNamespace: string;
    activeMutant: string | undefined;
    mutantActivation: 'static' | 'runtime' | undefined;
  }
}

const seen = globalThis as { lastMutant?: string | undefined };
const mutant = inject('activeMutant');
// Each mutant gets fresh modules: no state that another one left behind may decide over it.
if (seen.lastMutant !== mutant) vi.resetModules();
seen.lastMutant = mutant;

// Stryker switches a mutant on before the tests and leaves it on. It must be off while the next file
// is loaded, unless it is one of code that runs only then.
if (inject('mutantActivation') !== 'static') {
  const stryker = Reflect.get(globalThis, inject('globalNamespace'));
  if (stryker) stryker.activeMutant = undefined;
}

// The product loads much when it is first used. Stryker would take what runs then for code of the one
// test that used it first, and try only that.
const folder = fileURLToPath(new URL(`../../src/${process.env.MUTATION_FOLDER}`, import.meta.url));
for (const name of readdirSync(folder).filter((name) => name.endsWith('.ts'))) {
  await import(`${folder}/${name}`);
}
