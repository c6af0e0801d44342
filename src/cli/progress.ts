import type { OperationProgress } from 'provider-vault';
import { note } from './output.ts';

export interface Progress {
  show(progress: OperationProgress): void;
  /** Removes the bar; nothing is shown after that. */
  end(): void;
}

const LINE_EVERY_MS = 5_000;

/** A progress bar on a terminal; a line on stderr every few seconds elsewhere. */
export async function startProgress(label: string): Promise<Progress> {
  return process.stderr.isTTY ? progressBar(label) : progressLines(label);
}

async function progressBar(label: string): Promise<Progress> {
  const { default: cliProgress } = await import('cli-progress');
  const bar = new cliProgress.SingleBar(
    {
      format: `${label} {bar} {value}/{total} {rate}/s, {eta_formatted} left`,
      stream: process.stderr,
      clearOnComplete: true,
      hideCursor: true,
      gracefulExit: false, // signals are handled in operation.ts
    },
    cliProgress.Presets.shades_classic,
  );
  let ended = false;
  return {
    show: ({ done, total, rate }) => {
      if (ended) return;
      const detail = { rate: Math.round(rate) };
      if (!bar.isActive) bar.start(total ?? done, done, detail);
      bar.setTotal(total ?? done);
      bar.update(done, detail);
    },
    end: () => {
      ended = true;
      bar.stop();
    },
  };
}

function progressLines(label: string): Progress {
  let latest: OperationProgress = { done: 0, rate: 0 };
  const timer = setInterval(() => note(`${label}: ${progressText(latest)}`), LINE_EVERY_MS);
  return {
    show: (progress) => {
      latest = progress;
    },
    end: () => clearInterval(timer),
  };
}

function progressText({ done, total, rate }: OperationProgress): string {
  const number = (n: number) => Math.round(n).toLocaleString('en-US');
  const speed = `${number(rate)}/s`;
  if (!total) return `${number(done)} done, ${speed}`;
  const left = rate > 0 ? `, ${number(Math.max(0, total - done) / rate)} s left` : '';
  return `${number(done)} of ${number(total)} (${Math.floor((done / total) * 100)} %), ${speed}${left}`;
}
