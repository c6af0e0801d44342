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
  font: var(--ps-font, 1rem/1.5 system-ui, sans-serif); overflow-wrap: anywhere; }
@media (prefers-color-scheme: dark) { :host(:not([theme='light'])) { ${colours(1)} } }
:host([theme='dark']) { ${colours(1)} }
:host([hidden]), [hidden] { display: none !important; }
* { box-sizing: border-box; }
h2, h3, p, ul, fieldset, legend { margin: 0; padding: 0; border: 0; min-width: 0; }
h2 { font-size: 1rem; font-weight: 600; }
h3, legend { font-size: 0.9375rem; font-weight: 600; }
ul { list-style: none; }
button, input, summary { font: inherit; color: inherit; }
:focus { outline: none; }
:focus-visible { outline: 0.125rem solid var(--_accent); outline-offset: 0.125rem; }
.root { display: grid; gap: 1rem; }
.root, .panel, form, .group, .field, .notice, .webhook, .activity, dialog > div {
  grid-template-columns: minmax(0, 1fr); }
.card, .panel { background: var(--_surface); border: 0.0625rem solid var(--_line);
  border-radius: var(--ps-radius, 0.75rem); }
.panel { padding: 1.25rem; display: grid; gap: 0.75rem; justify-items: start; }
.head { display: flex; flex-wrap: wrap; gap: 0.25rem 1rem; align-items: center; width: 100%;
  position: relative; padding: 1rem 2.75rem 1rem 1.25rem; border: 0; border-radius: inherit; background: none; cursor: pointer;
  text-align: start; }
.head::after { content: ''; position: absolute; inset-block-start: 1.25rem; inset-inline-end: 1.25rem; width: 0.5rem; height: 0.5rem; border: solid var(--_soft);
  border-width: 0 0.125rem 0.125rem 0; transform: rotate(45deg); }
.head[aria-expanded='true']::after { transform: rotate(-135deg); }
.name { flex: 1 1 8rem; min-width: 0; }
.badge { font-size: 0.8125rem; font-weight: 400; padding: 0.125rem 0.625rem; border-radius: 1rem;
  background: var(--_sunken); color: var(--_soft); max-width: 100%; }
.badge.good { background: var(--_good-wash); color: var(--_good); }
.badge.warn { background: var(--_warn-wash); color: var(--_warn); }
.badge.bad { background: var(--_bad-wash); color: var(--_bad); }
form { display: grid; gap: 1.25rem; padding: 0.25rem 1.25rem 1.25rem; }
.group { display: grid; gap: 1rem; }
.choices { display: flex; flex-wrap: wrap; gap: 0.5rem; margin-top: 0.5rem; }
.choice { display: flex; flex-wrap: wrap; gap: 0.25rem 0.5rem; align-items: center; cursor: pointer;
  padding: 0.5rem 0.875rem; border: 0.0625rem solid var(--_control); border-radius: 0.5rem; }
.choice:has(:checked) { border-color: var(--_accent); box-shadow: inset 0 0 0 0.0625rem var(--_accent); }
.choice input { accent-color: var(--_accent); margin: 0; }
.choice small { color: var(--_good); }
.field { display: grid; gap: 0.25rem; max-width: 38rem; }
.field label { font-size: 0.875rem; font-weight: 600; }
.entry { display: flex; flex-wrap: wrap; gap: 0.5rem; }
input.value { flex: 1 1 12rem; min-width: 0; min-height: 2.5rem; padding: 0.375rem 0.75rem;
  border: 0.0625rem solid var(--_control); border-radius: 0.5rem; background: var(--_surface);
  color: var(--_text); }
input.value[aria-invalid='true'] { border-color: var(--_bad); box-shadow: inset 0 0 0 0.0625rem var(--_bad); }
.hint, .meta, small { font-size: 0.8125rem; color: var(--_soft); }
.error { font-size: 0.875rem; color: var(--_bad); }
summary { cursor: pointer; color: var(--_accent); font-size: 0.8125rem; }
.more > summary { font-size: 0.9375rem; }
.more > .group { margin-top: 1rem; }
.notice { padding: 0.75rem 1rem; border-radius: 0.5rem; display: grid; gap: 0.5rem;
  background: var(--_warn-wash); }
.notice.bad { background: var(--_bad-wash); }
.notice.bad > p:first-child { color: var(--_bad); }
.row { display: flex; flex-wrap: wrap; gap: 0.5rem 0.75rem; align-items: center; }
button.b { min-height: 2.5rem; padding: 0.375rem 1rem; border-radius: 0.5rem; cursor: pointer;
  border: 0.0625rem solid var(--_control); background: var(--_surface); max-width: 100%; }
button.primary { background: var(--_accent); border-color: var(--_accent); color: var(--_on-accent); }
button.danger { color: var(--_bad); }
button.quiet { border-color: transparent; background: none; color: var(--_accent);
  padding-inline: 0.5rem; }
button.quiet.danger { color: var(--_bad); }
button.b[aria-disabled='true'] { background: var(--_sunken); border-color: var(--_line);
  color: var(--_soft); cursor: default; }
.result.good { color: var(--_good); }
.result.bad { color: var(--_bad); }
.webhook { display: grid; gap: 0.25rem; }
code { font-family: ui-monospace, monospace; font-size: 0.8125rem; }
.activity { display: grid; gap: 0.5rem; width: 100%; }
.activity li { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0 1rem; }
dialog { max-width: min(30rem, calc(100% - 2rem)); padding: 1.5rem; color: var(--_text);
  background: var(--_surface); border: 0.0625rem solid var(--_line); border-radius: 0.75rem; }
dialog > div { display: grid; gap: 0.75rem; }
dialog::backdrop { background: rgb(0 0 0 / 50%); }
.live { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%);
  white-space: nowrap; }
@container (max-width: 26rem) { form, .panel { padding-inline: 0.875rem; }
  .head { padding-inline-start: 0.875rem; }
  .row > .b { flex: 1 1 auto; } }
@media (prefers-reduced-motion: no-preference) { .head::after { transition: transform 0.15s; } }
@media (forced-colors: active) { button.b, .choice, .badge { border: 0.0625rem solid; } }
`;
