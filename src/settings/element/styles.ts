import { tokens } from './tokens.ts';

function colours(scheme: 0 | 1): string {
  const lines = Object.entries(tokens).map(
    ([name, values]) => `--_${name}: var(--ps-${name}, ${values[scheme]});`,
  );
  return `${lines.join('')} color-scheme: ${scheme === 0 ? 'light' : 'dark'};`;
}

/** The style sheet. Sizes are in rem: they follow the font size of the browser. @internal */
export const css = `
:host { ${colours(0)} display: block; container-type: inline-size; color: var(--_text);
  font: var(--ps-font, 0.9375rem/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif);
  overflow-wrap: anywhere; -webkit-text-size-adjust: 100%; }
@media (prefers-color-scheme: dark) { :host(:not([theme='light'])) { ${colours(1)} } }
:host([theme='dark']) { ${colours(1)} }
:host([hidden]), [hidden] { display: none !important; }
* { box-sizing: border-box; }
h2, h3, p, ul { margin: 0; padding: 0; min-width: 0; }
h2 { font-size: 1rem; font-weight: 600; line-height: 1.5; }
h3 { font-size: 0.875rem; font-weight: 600; }
ul { list-style: none; }
button, input, summary { font: inherit; color: inherit; }
:focus { outline: none; }
:focus-visible { outline: 0.125rem solid var(--_accent); outline-offset: 0.125rem; }

.root, .panel, .body, .section, .group, .field, .notice, .activity, dialog > div {
  display: grid; grid-template-columns: minmax(0, 1fr); }
.root { gap: 1rem; }
.card, .panel, .skeleton { background: var(--_surface); border: 0.0625rem solid var(--_line);
  border-radius: var(--ps-radius, 0.75rem); }
.panel { padding: 1.25rem 1.5rem; gap: 0.75rem; justify-items: start; }
.empty { padding-block: 2.5rem; justify-items: center; text-align: center; color: var(--_soft); }
.skeleton { height: 3.75rem; animation: appear 0.2s 0.15s both; }
.skeleton::before { content: ''; display: block; margin: 1.5rem; width: 7rem; height: 0.75rem;
  border-radius: 0.375rem; background: var(--_line); }

.head { position: relative; display: flex; flex-wrap: wrap; gap: 0.375rem 1rem; align-items: center;
  width: 100%; padding-block: 1.125rem; padding-inline: 1.5rem 3.25rem; border: 0;
  border-radius: var(--ps-radius, 0.75rem); background: none; cursor: pointer; text-align: start; }
.head:hover { background: var(--_sunken); }
.head[aria-expanded='true']:hover { background: none; }
.head::after { content: ''; position: absolute; inset-block-start: 1.5rem; inset-inline-end: 1.625rem;
  width: 0.5rem; height: 0.5rem; border: solid var(--_soft); border-width: 0 0.125rem 0.125rem 0;
  transform: rotate(45deg); }
.head[aria-expanded='true']::after { transform: translateY(0.25rem) rotate(-135deg); }
.name { flex: 1 1 8rem; min-width: 0; }
.badge { font-size: 0.8125rem; font-weight: 500; padding: 0.0625rem 0.625rem; border-radius: 0.75rem;
  background: var(--_sunken); color: var(--_soft); max-width: 100%; }
.badge.good { background: var(--_good-wash); color: var(--_good); }
.badge.warn { background: var(--_warn-wash); color: var(--_warn); }
.badge.bad { background: var(--_bad-wash); color: var(--_bad); }

.body { gap: 1.75rem; padding: 0.25rem 1.5rem 1.75rem; }
.section { gap: 0.75rem; }
.section + .section { border-top: 0.0625rem solid var(--_line); padding-top: 1.75rem; }
.group { gap: 1.25rem; }
.section > .group { max-width: 38rem; }
.choices { display: grid; gap: 0.5rem;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 9rem), 1fr)); }
.choice { display: flex; flex-wrap: wrap; gap: 0 0.5rem; align-items: center; cursor: pointer;
  padding: 0.5rem 0.75rem; border: 0.0625rem solid var(--_line); border-radius: 0.5rem;
  font-size: 0.875rem; font-weight: 500; }
.choice:hover { background: var(--_sunken); }
.choice:has(:checked) { border-color: var(--_accent);
  box-shadow: inset 0 0 0 0.0625rem var(--_accent); }
.choice:has(:focus-visible) { outline: 0.125rem solid var(--_accent); outline-offset: 0.125rem; }
.choice input { accent-color: var(--_accent); margin: 0; outline: none; }
.choice small { font-size: 0.75rem; color: var(--_soft); flex: 1 0 100%;
  padding-inline-start: 1.375rem; }

.field { gap: 0.375rem; }
.field label, .label { font-size: 0.875rem; font-weight: 500; }
.entry { position: relative; display: flex; gap: 0.5rem; }
.entry > .b { flex: none; align-self: start; }
input.value { flex: 1 1 auto; width: 100%; min-width: 0; min-height: 2.375rem;
  padding: 0.375rem 0.75rem; border: 0.0625rem solid var(--_control); border-radius: 0.5rem;
  background: var(--_surface); color: var(--_text); }
input.value:focus-visible { outline-offset: 0; border-color: var(--_accent); }
input.value[readonly] { background: var(--_sunken); border-color: var(--_line); }
input.value[aria-invalid='true'] { border-color: var(--_bad);
  box-shadow: inset 0 0 0 0.0625rem var(--_bad); }
input.value:has(+ .show:not([hidden])) { padding-inline-end: 4.5rem; }
::placeholder { color: var(--_soft); opacity: 1; }
code { flex: 1 1 auto; min-width: 0; padding: 0.4375rem 0.75rem; border-radius: 0.5rem;
  font-family: ui-monospace, SFMono-Regular, Menlo, monospace; font-size: 0.8125rem;
  background: var(--_sunken); border: 0.0625rem solid var(--_line); }
.hints { display: flex; flex-wrap: wrap; gap: 0.125rem 0.875rem; align-items: baseline; }
.hint, .meta { font-size: 0.8125rem; color: var(--_soft); }
.error { font-size: 0.8125rem; color: var(--_bad); }
.removed { flex: 1; display: flex; flex-wrap: wrap; gap: 0 0.75rem; justify-content: space-between;
  align-items: center; min-height: 2.375rem; padding-inline: 0.75rem; font-size: 0.875rem;
  color: var(--_soft); border: 0.0625rem dashed var(--_control); border-radius: 0.5rem; }
summary { cursor: pointer; font-size: 0.875rem; font-weight: 500; width: fit-content;
  padding-block: 0.125rem; border-radius: 0.25rem; }
.more > .group { margin-top: 1.25rem; }

.notice { padding: 0.75rem 1rem; border-radius: 0.5rem; gap: 0.625rem; font-size: 0.875rem;
  background: var(--_warn-wash); }
.notice.bad { background: var(--_bad-wash); }
p.notice.bad, .notice.bad > p:first-child { color: var(--_bad); font-weight: 500; }
.row { display: flex; flex-wrap: wrap; gap: 0.5rem; align-items: center; min-width: 0; }
.end { justify-content: flex-end; margin-inline-start: auto; }
.space { flex: 1 1 10rem; }
.locked .section:not(:has(> .group > .row)), .locked .foot { display: none; }
.space + .quiet { margin-inline-end: -0.875rem; }
.foot { display: flex; flex-wrap: wrap; gap: 0.5rem 1rem; align-items: center; min-height: 3.75rem;
  padding: 0.75rem 1.5rem; background: var(--_sunken); border-top: 0.0625rem solid var(--_line);
  border-radius: 0 0 var(--ps-radius, 0.75rem) var(--ps-radius, 0.75rem); }
.foot:not(:has(> :not([hidden]))) { display: none; }

button.b { min-height: 2.25rem; padding: 0.3125rem 0.875rem; border-radius: 0.5rem; cursor: pointer;
  font-size: 0.875rem; font-weight: 500; border: 0.0625rem solid var(--_line);
  background: var(--_surface); color: var(--_text); max-width: 100%; }
button.b:hover { background: var(--_sunken); }
button.primary, button.primary:hover { background: var(--_accent); border-color: transparent;
  color: var(--_on-accent); }
button.primary.danger { background: var(--_bad); }
button.primary:hover { background: color-mix(in srgb, var(--_accent), var(--_text) 15%); }
button.primary.danger:hover { background: color-mix(in srgb, var(--_bad), var(--_text) 15%); }
button.quiet { border-color: transparent; background: none; }
button.quiet.danger { color: var(--_bad); }
button.link { min-height: 1.5rem; padding: 0; border: 0; border-radius: 0.25rem; background: none;
  font-size: 0.8125rem; font-weight: 400; color: var(--_accent); }
button.link:hover { background: none; text-decoration: underline; }
button.link.danger:hover { color: var(--_bad); }
button.show { position: absolute; inset-block-start: 0.4375rem; inset-inline-end: 0.75rem; }
button.b[aria-disabled='true'] { background: none; border-color: var(--_line); color: var(--_soft);
  cursor: default; }
.result { font-size: 0.875rem; }
.result.good { color: var(--_good); }
.result.good::before { content: '✓ ' / ''; }
.result.bad { color: var(--_bad); }

.activity { width: 100%; font-size: 0.875rem; }
.activity li { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0 1rem;
  padding-block: 0.5rem; }
.activity li + li { border-top: 0.0625rem solid var(--_line); }
.activity .bad { color: var(--_bad); }
dialog { max-width: min(30rem, calc(100% - 2rem)); padding: 1.5rem; color: var(--_text);
  background: var(--_surface); border: 0.0625rem solid var(--_line);
  border-radius: var(--ps-radius, 0.75rem); }
dialog > div { gap: 0.75rem; }
dialog .row { margin-top: 0.75rem; }
dialog::backdrop { background: rgb(0 0 0 / 50%); }
.live { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%);
  white-space: nowrap; }

@container (min-width: 46rem) {
  .section { grid-template-columns: 11rem minmax(0, 1fr); gap: 0.75rem 2rem; }
  .section:has(> .group > .row) { align-items: center; }
  .choices { margin-top: -0.25rem; } }
@container (max-width: 26rem) {
  .body, .panel, .foot { padding-inline: 1rem; }
  .head { padding-inline-start: 1rem; }
  .foot .row, dialog .row { flex: 1 1 100%; }
  .foot .b, dialog .b { flex: 1 1 auto; }
  .space + .quiet { margin-inline-start: -0.875rem; }
  .space { flex-basis: 100%; } .choices { grid-template-columns: minmax(0, 1fr); } }
@media (pointer: coarse) { input.value { font-size: 1rem; min-height: 2.75rem; }
  button.b:not(.link) { min-height: 2.75rem; } button.show { inset-block-start: 0.625rem; } }
@media (prefers-reduced-motion: no-preference) { .head::after { transition: transform 0.15s; }
  button.b, .choice, .head { transition: background-color 0.1s; } }
@media (forced-colors: active) { button.b, .choice, .badge { border: 0.0625rem solid; } }
@keyframes appear { from { opacity: 0; } }
`;
