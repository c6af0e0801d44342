/** What the process says when it ends: part of the public contract. @internal */
export const EXIT = {
  /** What was asked for is done. */
  done: 0,
  /** It could not be done; the message says why. */
  failed: 1,
  /** The command line was wrong, or a name or value in it was refused. */
  usage: 2,
  /** It ran to its end, and there is more to do: run it again, or resolve what it lists. */
  workRemains: 3,
  /** Stopped by Ctrl-C: 128 + SIGINT. */
  interrupted: 130,
} as const;

/** @internal */
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];
