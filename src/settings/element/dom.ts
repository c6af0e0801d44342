type Child = Node | string | false | undefined | null;
type Attributes = Readonly<Record<string, string | boolean | number | undefined>>;

/**
 * An element. Attributes are set as attributes and children as text or nodes: nothing is parsed, so
 * strict policies (Trusted Types, CSP) hold.
 *
 * @internal
 */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) setAttribute(element, name, value);
  element.append(
    ...children.filter((child) => child !== undefined && child !== null && child !== false),
  );
  return element;
}

/** @internal */
export function setAttribute(
  element: Element,
  name: string,
  value: string | boolean | number | undefined,
): void {
  if (value === undefined || value === false) element.removeAttribute(name);
  else element.setAttribute(name, value === true ? '' : String(value));
}

/** A button that does `run`, unless it is marked as disabled. @internal */
export function button(
  text: string,
  kind: string,
  run: (button: HTMLButtonElement) => unknown,
): HTMLButtonElement {
  const part = ['button', ...kind.split(' ')].join(' ').trim();
  const made = h('button', { type: 'button', class: `b ${kind}`, part }, text);
  made.addEventListener('click', () => {
    if (made.ariaDisabled !== 'true') run(made);
  });
  return made;
}

/**
 * Disables a button. While it has the focus it is only marked as disabled: otherwise a keyboard would
 * be thrown back to the top of the page.
 *
 * @internal
 */
export function disable(element: HTMLButtonElement, isDisabled: boolean): void {
  setAttribute(element, 'aria-disabled', isDisabled ? 'true' : undefined);
  const root = element.getRootNode() as ShadowRoot | Document;
  element.disabled = isDisabled && root.activeElement !== element;
}

/** Shows a text, or hides the element without one. @internal */
export function setText(element: HTMLElement, text: string | undefined): void {
  const next = text ?? '';
  if (element.textContent !== next) element.textContent = next;
  element.hidden = next === '';
}

/** A text with its words in braces replaced. @internal */
export function fill(text: string, words: Readonly<Record<string, string>>): string {
  return text.replace(/\{(\w+)\}/g, (braces, word: string) => words[word] ?? braces);
}

const UNITS = [
  ['year', 31_536_000],
  ['month', 2_592_000],
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
] as const;

/** How long ago: "2 minutes ago", "now", in the language of the page. @internal */
export function ago(iso: string, language: string | undefined, now = Date.now()): string {
  const seconds = Math.min(0, Math.round((Date.parse(iso) - now) / 1000));
  const format = new Intl.RelativeTimeFormat(language, { numeric: 'auto' });
  for (const [unit, length] of UNITS) {
    if (-seconds >= length) return format.format(Math.trunc(seconds / length), unit);
  }
  return format.format(0, 'second');
}

/** "a, b and c", in the language of the page. @internal */
export function list(items: readonly string[], language: string | undefined): string {
  return new Intl.ListFormat(language, { type: 'conjunction' }).format(items);
}
