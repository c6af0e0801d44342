import type { FieldView } from '../contract.ts';
import { button, fill, h, setAttribute, setText } from './dom.ts';
import type { ElementStrings } from './strings.ts';

/** One field of a form: what is stored, what is typed, and what is wrong with it. @internal */
export class FieldRow {
  readonly element: HTMLElement;
  readonly input: HTMLInputElement;
  view: FieldView;
  #removed = false;
  readonly #words: ElementStrings;
  readonly #hint = h('p', { class: 'hint' });
  readonly #error = h('p', { class: 'error', part: 'error' });
  readonly #theirs = h('p', { class: 'hint' });
  readonly #show: HTMLButtonElement;
  readonly #remove: HTMLButtonElement;
  readonly #undo: HTMLButtonElement;
  readonly #removedNote = h('p', { class: 'meta', tabindex: -1 });

  constructor(
    view: FieldView,
    id: string,
    words: ElementStrings,
    isReadOnly: boolean,
    onChange: () => void,
  ) {
    this.view = view;
    this.#words = words;
    for (const [name, part] of Object.entries({ hint: this.#hint, error: this.#error })) {
      part.id = `${id}-${name}`;
    }
    this.#theirs.id = `${id}-theirs`;
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
      'aria-describedby': `${id}-hint ${id}-error ${id}-theirs`,
    });
    this.input.addEventListener('input', () => {
      this.setError(undefined);
      onChange();
      this.#update();
    });
    this.input.addEventListener('blur', () => this.validate());
    this.#show = button(words.show, 'quiet', () => this.#toggle());
    this.#remove = button(words.remove, 'quiet danger', () => mark(true, this.#undo));
    this.#undo = button(words.undo, 'quiet', () => mark(false, this.#remove));
    const mark = (removed: boolean, next: HTMLElement) => {
      this.#removed = removed;
      this.setError(undefined);
      this.#update();
      onChange();
      next.focus();
    };
    for (const one of [this.#show, this.#remove, this.#undo]) {
      one.setAttribute('aria-describedby', `${id}-label`);
    }
    this.#remove.hidden = isReadOnly;
    this.element = h(
      'div',
      { class: 'field', part: 'field' },
      h('label', { for: id, id: `${id}-label`, part: 'label' }, view.label),
      h(
        'div',
        { class: 'entry' },
        this.input,
        this.#show,
        this.#removedNote,
        this.#remove,
        this.#undo,
      ),
      this.#error,
      this.#theirs,
      this.#hint,
      view.help &&
        h(
          'details',
          {},
          h('summary', {}, words.help, h('span', { class: 'live' }, ` (${view.label})`)),
          h('p', { class: 'hint' }, view.help),
        ),
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

  /** Takes a newer version of what is stored. What is typed stays, unless it is what was `sent`. */
  adopt(view: FieldView, sent?: string | null): void {
    const { change } = this;
    const keep = change !== undefined && change !== sent;
    this.view = view;
    if (keep) this.#update();
    else this.reset();
  }

  /** Adds a line below the hint. */
  addHint(text: string): void {
    this.#hint.after(h('p', { class: 'hint' }, text));
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
    const { looksLike, wrongForm } = this.#words;
    this.setError(example === undefined ? wrongForm : fill(looksLike, { example }));
    return false;
  }

  setError(text: string | undefined): void {
    setText(this.#error, text);
    setAttribute(this.input, 'aria-invalid', text === undefined ? undefined : 'true');
  }

  /** Shows what somebody else has stored in the field. */
  setTheirs(value: string | undefined): void {
    setText(this.#theirs, value && fill(this.#words.theirs, { value }));
  }

  #toggle(): void {
    const isShown = this.input.type === 'text';
    this.input.type = isShown ? 'password' : 'text';
    this.#show.textContent = isShown ? this.#words.show : this.#words.hide;
  }

  #update(): void {
    const { secret, set, masked = '', example } = this.view;
    const isReplaceable = secret && set;
    const hint = isReplaceable
      ? fill(this.#words.stored, { mask: masked })
      : example && fill(this.#words.example, { example });
    setText(this.#hint, this.#removed ? undefined : hint);
    setText(this.#removedNote, this.#removed ? this.#words.willBeRemoved : undefined);
    this.input.hidden = this.#removed;
    this.#undo.hidden = !this.#removed;
    this.#remove.hidden = this.#removed || !isReplaceable || this.input.readOnly;
    this.#show.hidden = this.#removed || !secret || this.input.value === '';
    this.#show.textContent = this.input.type === 'text' ? this.#words.hide : this.#words.show;
  }
}
