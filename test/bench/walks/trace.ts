/** A function that was entered: the file it is in, and whether it has a name. */
export interface Entry {
  readonly file: string;
  readonly named: boolean;
}

let entries: Entry[] | undefined;

/** Every function of instrumented sources calls this first. */
export function enterFunction(file: string, named: boolean): void {
  entries?.push({ file, named });
}

/** The functions that `walk` enters, in order. */
export async function trace(walk: () => Promise<unknown>): Promise<Entry[]> {
  const traced: Entry[] = [];
  entries = traced;
  try {
    await walk();
  } finally {
    entries = undefined;
  }
  return traced;
}
