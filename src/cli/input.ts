import { UsageError } from './errors.ts';

const MAX_BYTES = 1024 * 1024;

/**
 * Reads standard input as text, without the newline that `echo` or an editor puts at its end.
 *
 * @throws UsageError when it is empty, too long, not UTF-8, or a terminal, which would show it
 */
export async function readStdin(what: string): Promise<string> {
  if (process.stdin.isTTY) {
    throw new UsageError(
      `${what} cannot be asked for unless stderr is a terminal too: what you type would be shown.`,
    );
  }
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of process.stdin) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > MAX_BYTES) throw new UsageError(`${what} on standard input is longer than 1 MiB.`);
  }
  const text = decode(Buffer.concat(chunks), what).replace(/\r?\n$/, '');
  if (text === '') throw new UsageError(`${what} is expected on standard input, which is empty.`);
  return text;
}

function decode(bytes: Buffer, what: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new UsageError(`${what} on standard input is not UTF-8 text.`);
  }
}

/** {@link readStdin} of a JSON object. */
export async function readJsonStdin(what: string): Promise<Record<string, unknown>> {
  return parseObject(await readStdin(what), `${what} on standard input`);
}

export function parseObject(text: string, what: string): Record<string, unknown> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    // The message of JSON.parse quotes the text.
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new UsageError(`${what} must be one JSON object.`);
  }
  return parsed as Record<string, unknown>;
}
