/** Exit codes are part of the public contract. */
export const EXIT = {
  /** The command did what it was asked to do. */
  done: 0,
  /** The command failed; the message says why. */
  failed: 1,
  /** The command line is wrong, or a name or value in it was rejected. */
  usage: 2,
  /** The command ran to its end, and something is left to do: run it again, or resolve what it lists. */
  workRemains: 3,
  /** Stopped by Ctrl-C: 128 + SIGINT. */
  interrupted: 130,
  /** Stopped by SIGTERM: 128 + 15. */
  terminated: 143,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];
