import type { FieldView } from '../contract.ts';
import { button, fill, h, list, setAttribute, setText } from './dom.ts';
import type { Wording } from './words.ts';

/** What a field needs of the form around it. @internal */
export interface FieldHost extends Wording {
  readonly isReadOnly: boolean;
  /** The field asks for something else than before. */
  changed(): void;
  /** The focus leaves the field. */
  left(row: FieldRow): void;
}

/** One field of a form: what is stored, what is typed, and what is wrong with it. @internal */
export class FieldRow {
  readonly element: HTMLElement;
  readonly input: HTMLInputElement;
  view: FieldView;
  #removed = false;
  readonly #host: FieldHost;
  readonly #hint = h('span', { class: 'hint' });
  readonly #error = h('p', { class: 'error', part: 'error' });
  readonly #theirs = h('p', { class: 'hint' });
  readonly #show: HTMLButtonElement;
  readonly #remove: HTMLButtonElement;
  readonly #undo: HTMLButtonElement;
  readonly #removedNote: HTMLElement;

  /** @param purposes - what the field is needed for, in words */
  constructor(view: FieldView, id: string, purposes: readonly string[], host: FieldHost) {
    const { words, language, isReadOnly } = host;
    this.view = view;
    this.#host = host;
    const purpose = h('span', { class: 'hint', id: `${id}-purpose` });
    for (const [name, part] of Object.entries({
      hint: this.#hint,
      error: this.#error,
      theirs: this.#theirs,
    })) {
      part.id = `${id}-${name}`;
    }
    setText(purpose, purposes[0] && fill(words.neededFor, { list: list(purposes, language) }));
    this.input = h('input', {
      id,
      name: view.name,
      class: 'value',
      part: 'input',
      type: view.secret ? 'password' : 'text',
      autocomplete: 'off',
      autocapitalize: 'off',
      spellcheck: 'false',
      readonly: isReadOnly,
      'data-1p-ignore': '',
      'aria-describedby': ['error', 'theirs', 'hint', 'purpose'].map((n) => `${id}-${n}`).join(' '),
    });
    this.input.addEventListener('input', () => {
      this.setError(undefined);
      host.changed();
      this.#update();
    });
    this.input.addEventListener('blur', () => host.left(this));
    this.#show = button(words.show, 'link show', () => this.#toggle());
    this.#remove = button(words.remove, 'link danger', () => this.#mark(true));
    this.#undo = button(words.undo, 'link', () => this.#mark(false));
    for (const one of [this.#show, this.#remove, this.#undo]) {
      one.setAttribute('aria-describedby', `${id}-label`);
    }
    this.#removedNote = h(
      'p',
      { class: 'removed' },
      h('span', {}, words.willBeRemoved),
      this.#undo,
    );
    const help = view.help && h('p', { class: 'hint', id: `${id}-help`, hidden: true }, view.help);
    this.element = h(
      'div',
      { class: 'field', part: 'field' },
      h('label', { for: id, id: `${id}-label`, part: 'label' }, view.label),
      h('div', { class: 'entry' }, this.input, this.#show, this.#removedNote),
      this.#error,
      this.#theirs,
      h(
        'div',
        { class: 'hints', part: 'hint' },
        this.#hint,
        purpose,
        this.#remove,
        help && this.#helpButton(help),
      ),
      help,
    );
    this.reset();
  }

  /** What the field asks for: a value, `null` to remove it, `undefined` to leave it. */
  get change(): string | null | undefined {
    if (this.#removed) return null;
    const typed = this.input.value.trim();
    if (this.view.secret) return typed === '' ? undefined : typed;
    if (typed === (this.view.masked ?? '').trim()) return undefined;
    return typed === '' ? null : typed;
  }

  /** What is wrong with it, as shown. */
  get error(): string {
    return this.#error.textContent;
  }

  /** Takes a newer version of what is stored. What is typed stays, unless it is what was `sent`. */
  adopt(view: FieldView, sent?: string | null): void {
    const { change } = this;
    const keep = change !== undefined && change !== sent;
    this.view = view;
    if (keep) this.#update();
    else this.reset();
  }

  /** Drops what is typed. */
  reset(): void {
    this.#removed = false;
    this.input.value = this.view.secret ? '' : (this.view.masked ?? '');
    this.input.type = this.view.secret ? 'password' : 'text';
    this.setError(undefined);
    this.setTheirs(undefined);
    this.#update();
  }

  /** Checks what is typed as the server does, and says what is wrong. */
  validate(): boolean {
    const { change, view } = this;
    const { pattern, patternFlags, example } = view;
    if (typeof change !== 'string' || pattern === undefined) return true;
    if (new RegExp(pattern, patternFlags?.replace(/[gy]/g, '')).test(change)) return true;
    const { looksLike, wrongForm } = this.#host.words;
    this.setError(example === undefined ? wrongForm : fill(looksLike, { example }));
    return false;
  }

  setError(text: string | undefined): void {
    setText(this.#error, text);
    setAttribute(this.input, 'aria-invalid', text === undefined ? undefined : 'true');
  }

  /** Shows what somebody else has stored in the field. */
  setTheirs(value: string | undefined): void {
    setText(this.#theirs, value && fill(this.#host.words.theirs, { value }));
  }

  #helpButton(help: HTMLElement): HTMLButtonElement {
    const { words } = this.#host;
    const made = button(words.help, 'link', () => {
      help.hidden = !help.hidden;
      made.ariaExpanded = String(!help.hidden);
    });
    made.append(h('span', { class: 'live' }, ` (${this.view.label})`));
    made.ariaExpanded = 'false';
    made.setAttribute('aria-controls', help.id);
    return made;
  }

  #mark(removed: boolean): void {
    this.#removed = removed;
    this.setError(undefined);
    this.#update();
    this.#host.changed();
    (removed ? this.#undo : this.#remove).focus();
  }

  #toggle(): void {
    this.input.type = this.input.type === 'text' ? 'password' : 'text';
    this.#update();
  }

  #update(): void {
    const { words, isReadOnly } = this.#host;
    const { secret, set, masked = '', example } = this.view;
    const isReplaceable = secret && set;
    const isEmpty = this.input.value === '';
    const hint = isReplaceable
      ? fill(isReadOnly ? words.storedOnly : words.stored, { mask: masked })
      : !set && example && fill(words.example, { example });
    setText(this.#hint, this.#removed ? undefined : hint || undefined);
    this.input.placeholder = isReplaceable ? '••••••••' : '';
    this.input.hidden = this.#removed;
    this.#removedNote.hidden = !this.#removed;
    this.#remove.hidden = this.#removed || !isReplaceable || isReadOnly;
    this.#show.hidden = this.#removed || !secret || isEmpty;
    this.#show.textContent = this.input.type === 'text' ? words.hide : words.show;
  }
}
