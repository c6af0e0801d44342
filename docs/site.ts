// `npm run docs:site`: guides, runbooks, reference and examples as one site by TypeDoc, in the folder site/.
// TypeDoc takes copies of the pages, whose links lead to other pages of the site, or to the repository.
import {
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Application, TSConfigReader, type TypeDocOptions } from 'typedoc';
import { repository } from '../package.json';
import reference from './typedoc.json' with { type: 'json' };

const root = fileURLToPath(new URL('..', import.meta.url));
const out = join(root, 'site');
const staged = join(root, 'node_modules/.cache/provider-vault/site');
const textOf = (path: string) => readFileSync(join(root, path), 'utf8');
const web = repository.url.replace(/^git\+|\.git$/g, '');

interface Page {
  /** Relative to the project. */
  readonly path: string;
  /** Under which it stands in the navigation. */
  readonly group: string;
}

/** The pages in the order of the map, docs/README.md, and then the decisions and examples. */
function allPages(): Page[] {
  const pages: Page[] = [{ path: 'docs/README.md', group: 'Documentation' }];
  let section = '';
  let group = '';
  for (const line of textOf('docs/README.md').split('\n')) {
    const [, heading, part, link] =
      /^## (.*)|^\*\*(.*)\*\*$|^- \[.*?\]\((.*?\.md)\)/.exec(line) ?? [];
    if (heading !== undefined) {
      section = heading;
      group = heading;
    } else if (part !== undefined) group = `${section}: ${part}`;
    else if (link !== undefined && !link.startsWith('reference/api/')) {
      pages.push({ path: join('docs', link), group });
    }
  }
  for (const [folder, group] of [
    ['docs/decisions', 'Decisions'],
    ['examples', 'Examples'],
  ] as const) {
    const files = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).sort();
    const markdown = files.filter((file) => file.endsWith('.md'));
    pages.push(...markdown.map((file) => ({ path: join(folder, file), group })));
  }
  return pages;
}

/** Copies a page, as TypeDoc takes it. */
function stage({ path, group }: Page, known: ReadonlySet<string>): void {
  const text = textOf(path);
  const [, title = path] = /^# (.*)/m.exec(text) ?? [];
  const body = text
    .split(/(^ *```[\s\S]*?^ *```$)/m)
    .map((part, at) => (at % 2 === 1 ? part : withLinks(part, path, known)))
    .join('');
  mkdirSync(dirname(join(staged, path)), { recursive: true });
  const content =
    path === 'README.md'
      ? body.replace(/^# .*/, '') // TypeDoc writes the name above it
      : `---\ntitle: ${JSON.stringify(title)}\ngroup: ${JSON.stringify(group)}\n---\n\n${body}`;
  writeFileSync(join(staged, path), content);
}

// A label may have brackets of its own: [[...path]].
const LINK = /(?<!!)\[((?:[^[\]]|\[\[[^\]]*\]\]|\[[^\]]*\])*)\]\((?:<([^>]*)>|([^)\s]*))\)/g;

function withLinks(text: string, path: string, known: ReadonlySet<string>): string {
  return text.replace(LINK, (link, label, angled, plain) => {
    const target: string = angled ?? plain;
    if (/^(https?:|#)/.test(target)) return link;
    const [file = ''] = target.split('#');
    const to = join(dirname(path), decodeURI(file));
    const [, entry, name] =
      /^docs\/reference\/api\/(?:(\w+)\/)?(?:[\w-]+\/(\w+)|README)\.md$/.exec(to) ?? [];
    if (to.startsWith('docs/reference/api/')) {
      return `{@link ${entry ?? 'index'}!${name ?? ''} | ${label.replaceAll('`', '')}}`;
    }
    if (known.has(to) || /\.(png|svg|json)$/.test(to)) return link;
    const kind = statSync(join(root, to)).isDirectory() ? 'tree' : 'blob';
    return `[${label}](${web}/${kind}/main/${encodeURI(to)})`;
  });
}

/** Every link of the site that leads nowhere. */
function brokenLinks(): string[] {
  const pages = readdirSync(out, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.html'),
  );
  const texts = new Map(pages.map((page) => [page, readFileSync(join(out, page), 'utf8')]));
  const anchors = new Map(
    [...texts].map(([page, text]) => [
      page,
      new Set([...text.matchAll(/\bid="([^"]*)"/g)].map(([, id]) => id)),
    ]),
  );
  return pages.flatMap((page) => {
    const found = (texts.get(page) as string).matchAll(/\b(?:href|src|srcset)="([^"]*)"/g);
    return [...found].flatMap(([, link = '']) => {
      if (/^(https?|mailto|data):/.test(link)) return [];
      const [file = '', anchor] = decodeURI(link.replaceAll('&amp;', '&')).split('#');
      const to = file === '' ? page : relative('.', join(dirname(page), file));
      const exists = statSync(join(out, to), { throwIfNoEntry: false })?.isFile();
      const isAnchor = !anchor || !anchors.has(to) || anchors.get(to)?.has(anchor);
      return exists && isAnchor ? [] : [`${page}: ${link}`];
    });
  });
}

const pages = allPages();
const known = new Set(['README.md', ...pages.map(({ path }) => path)]);
rmSync(staged, { recursive: true, force: true });
rmSync(out, { recursive: true, force: true });
for (const page of [...pages, { path: 'README.md', group: '' }]) stage(page, known);
cpSync(join(root, 'docs/images'), join(staged, 'docs/images'), { recursive: true });
cpSync(
  join(root, 'docs/reference/settings-contract.schema.json'),
  join(staged, 'docs/reference/settings-contract.schema.json'),
);

const options: TypeDocOptions = {
  tsconfig: join(root, 'tsconfig.json'),
  entryPoints: reference.entryPoints.map((path) => join(root, 'docs', path)),
  excludeInternal: true,
  excludePrivate: true,
  disableGit: true,
  sourceLinkTemplate: `${web}/blob/main/src/{path}#L{line}`,
  name: 'provider-vault',
  readme: join(staged, 'README.md'),
  projectDocuments: pages.map(({ path }) => join(staged, path)),
  groupOrder: [...new Set(pages.map(({ group }) => group)), 'Modules', '*'],
  navigation: { includeGroups: true, compactFolders: false },
  highlightLanguages: [
    'typescript',
    'tsx',
    'javascript',
    'shell',
    'bash',
    'console',
    'json',
    'yaml',
    'css',
    'html',
  ],
};
const app = await Application.bootstrapWithPlugins(options, [new TSConfigReader()]);
const project = await app.convert();
if (project === undefined) process.exit(1);
app.validate(project);
// As they are imported.
for (const entry of project.children ?? []) {
  entry.name = entry.name === 'index' ? 'provider-vault' : `provider-vault/${entry.name}`;
}
await app.generateDocs(project, out);
const broken = brokenLinks();
for (const link of broken) console.error(`Leads nowhere: ${link}`);
if (broken.length + app.logger.errorCount + app.logger.warningCount > 0) process.exit(1);
