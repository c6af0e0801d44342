/** One line of the doctor's report. */
export interface Check {
  readonly name: string;
  readonly state: 'pass' | 'warn' | 'fail';
  /** What was found. */
  readonly text: string;
  /** What to do, unless it passed. */
  readonly todo?: string;
  /** Numbers behind it, for `--json`. */
  readonly details?: object;
}

export function pass(name: string, text: string, details?: object): Check {
  return { name, state: 'pass', text, ...(details && { details }) };
}

export function warn(name: string, text: string, todo: string, details?: object): Check {
  return { name, state: 'warn', text, todo, ...(details && { details }) };
}

export function fail(name: string, text: string, todo: string, details?: object): Check {
  return { name, state: 'fail', text, todo, ...(details && { details }) };
}
