import { Interrupted } from './errors.ts';

// Prompts go to stderr, so that stdout holds the result alone.
const common = { input: process.stdin, output: process.stderr };

/** Whether somebody can be asked. @internal */
export function canAsk(): boolean {
  return process.stdin.isTTY === true && process.stderr.isTTY === true;
}

/** A value that is not shown while it is typed; empty when only Enter was pressed. @internal */
export async function askHidden(message: string): Promise<string> {
  const { password, isCancel } = await import('@clack/prompts');
  const answer = await password({ ...common, message });
  if (isCancel(answer)) throw new Interrupted();
  return answer ?? '';
}

/** A question that is answered "no" by default. @internal */
export async function askConfirmation(message: string): Promise<boolean> {
  const { confirm, isCancel } = await import('@clack/prompts');
  const answer = await confirm({ ...common, message, initialValue: false });
  if (isCancel(answer)) throw new Interrupted();
  return answer;
}
