import { REASONS } from './survivors.ts';
import type { Folder } from './tests.ts';

interface Place {
  readonly line: number;
  readonly column: number;
}

interface Mutant {
  readonly mutatorName: string;
  readonly replacement?: string;
  readonly status: string;
  readonly location: { readonly start: Place; readonly end: Place };
}

/** What is needed of Stryker's JSON. */
export interface MutationReport {
  readonly files: Readonly<Record<string, { source: string; mutants: readonly Mutant[] }>>;
}

interface Survivor {
  readonly file: string;
  readonly line: string;
  readonly change: string;
}

/** The page with the row and the survivors of `folder` as they are in `report`. */
export function writeReport(page: string, folder: Folder, report: MutationReport): string {
  const withRow = page.replace(new RegExp(`^\\| ${folder} +\\|.*$`, 'm'), () =>
    row(folder, report),
  );
  const [begin, end] = [`<!-- ${folder}: begin -->`, `<!-- ${folder}: end -->`];
  const [before, rest] = withRow.split(begin);
  const after = rest?.split(end)[1];
  if (after === undefined) throw new Error(`The page has no place for ${folder}.`);
  return `${before}${begin}\n\n${survivors(report)}\n${end}${after}`;
}

function row(folder: string, { files }: MutationReport): string {
  const counts: Record<string, number> = {};
  for (const { status } of Object.values(files).flatMap(({ mutants }) => mutants)) {
    counts[status] = (counts[status] ?? 0) + 1;
  }
  const { Killed = 0, Timeout = 0, Survived = 0, NoCoverage = 0, Ignored = 0 } = counts;
  const all = Killed + Timeout + Survived + NoCoverage;
  const score = `${((100 * (Killed + Timeout)) / all).toFixed(1)} %`;
  return `| ${[folder, all, Killed, Timeout, Survived, NoCoverage, score, Ignored].join(' | ')} |`;
}

function survivors(report: MutationReport): string {
  const all = Object.entries(report.files).flatMap(([path, { source, mutants }]) =>
    mutants
      .filter(({ status }) => status === 'Survived' || status === 'NoCoverage')
      .map((mutant) => survivor(path.replace(/^src\//, ''), source.split('\n'), mutant)),
  );
  const groups = new Map<string, Survivor[]>();
  for (const each of all) {
    const reason = REASONS.find(({ where }) =>
      where[each.file]?.some((part) => each.line.includes(part)),
    );
    const text = reason?.reason ?? 'Not explained.';
    groups.set(text, [...(groups.get(text) ?? []), each]);
  }
  return [...groups]
    .map(([reason, list]) => `${reason}\n\n${list.map(item).join('\n')}\n`)
    .join('\n');
}

function survivor(file: string, lines: readonly string[], mutant: Mutant): Survivor {
  const { start, end } = mutant.location;
  const line = lines[start.line - 1] as string;
  const mutated = line.slice(
    start.column - 1,
    start.line === end.line ? end.column - 1 : undefined,
  );
  const to = (mutant.replacement ?? mutant.mutatorName).split('\n')[0] as string;
  return { file, line, change: `${code(mutated)} → ${code(to)}` };
}

const item = ({ file, change }: Survivor) => `- ${file}: ${change}`;

function code(text: string): string {
  const short = text.length > 60 ? `${text.slice(0, 60)}…` : text;
  return short.includes('`') ? `\`\` ${short} \`\`` : `\`${short}\``;
}
