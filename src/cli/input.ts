import { UsageError } from './errors.ts';

const MAX_BYTES = 1024 * 1024;

/**
 * All of standard input as text, without the newline that `echo` or an editor puts at its end.
 *
 * @throws UsageError when it is empty, too long, or no UTF-8, and on a terminal, which would show it
 * @internal
 */
export async function readStdin(what: string): Promise<string> {
  if (process.stdin.isTTY) {
    throw new UsageError(
      `${what} cannot be asked for while stderr is no terminal: what is typed would be shown.`,
    );
  }
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of process.stdin) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > MAX_BYTES) throw new UsageError(`${what} on standard input is over 1 MiB.`);
  }
  const text = decode(Buffer.concat(chunks), what).replace(/\r?\n$/, '');
  if (text === '') throw new UsageError(`${what} was expected on standard input; it is empty.`);
  return text;
}

function decode(bytes: Buffer, what: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new UsageError(`${what} on standard input is not UTF-8 text.`);
  }
}

/**
 * {@link readStdin} of a JSON object.
 *
 * @internal
 */
export async function readJsonStdin(what: string): Promise<Record<string, unknown>> {
  return parseObject(await readStdin(what), `${what} on standard input`);
}

/** @internal */
export function parseObject(text: string, what: string): Record<string, unknown> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    // Not the message of JSON.parse: it quotes the text.
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new UsageError(`${what} must be one JSON object.`);
  }
  return parsed as Record<string, unknown>;
}
