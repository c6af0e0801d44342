#!/usr/bin/env node
import { runCommandLine } from './program.ts';

// `provider-vault status | head -1`: a reader that has gone must not stop what is being done.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

process.exitCode = await runCommandLine(process.argv.slice(2));
