import type { FieldView, Permissions, ProviderView, TestResult } from '../contract.ts';
import { type Api, type Changes, SettingsError } from './api.ts';
import { ago, button, disable, fill, h, list, setText } from './dom.ts';
import { FieldRow } from './field.ts';
import { confirmRemoval } from './remove-dialog.ts';
import { webhookList } from './webhooks.ts';
import {
  badge,
  changedFields,
  fieldLabel,
  methodInUse,
  noticeFor,
  purposesOf,
  type Wording,
} from './words.ts';

/** What a card needs of the element around it. @internal */
export interface CardHost extends Wording {
  readonly api: Api;
  readonly may: Permissions;
  /** Says something to a screen reader. */
  announce(text: string): void;
  /** Runs something after the press of a pointer that goes on, so that its target does not move away. */
  afterPress(run: () => void): void;
  /** Something was done that others may show. */
  done(what: 'saved' | 'tested' | 'removed', detail: object): void;
  /** The session is over. */
  loggedOut(): void;
  /** Loads everything anew; what is typed is lost. */
  restart(): void;
}

let cards = 0;

/** One provider: its state, its form, and what can be done. @internal */
export class ProviderCard {
  readonly element: HTMLElement;
  view: ProviderView;
  readonly #host: CardHost;
  readonly #id = `card-${++cards}`;
  readonly #rows: ReadonlyMap<string, FieldRow>;
  #method: string;
  /** The method of what is stored: choosing another one removes the fields of this one. */
  #storedMethod: string;
  /** What somebody else has stored meanwhile, as a conflict has shown it. */
  #newer: ProviderView | undefined;
  #busy: 'saving' | 'testing' | undefined;
  #result: (TestResult & { readonly at: string }) | undefined;
  readonly #head: HTMLButtonElement;
  readonly #badge = h('span', { class: 'badge', part: 'badge' });
  readonly #notice = h('p', { class: 'notice', part: 'notice' });
  readonly #alert = h('div', { class: 'notice bad', role: 'alert', part: 'error', hidden: true });
  readonly #methodFields = h('div', { class: 'group' });
  readonly #alsoRemoves = h('p', { class: 'notice' });
  readonly #outcome = h('p', { class: 'result', role: 'status', part: 'result' });
  readonly #meta = h('p', { class: 'meta' });
  readonly #save: HTMLButtonElement;
  readonly #discard: HTMLButtonElement;
  readonly #test: HTMLButtonElement;
  readonly #remove: HTMLButtonElement;
  readonly #connection: HTMLElement;
  readonly #form: HTMLFormElement;

  constructor(view: ProviderView, host: CardHost) {
    this.view = view;
    this.#host = host;
    const { words } = host;
    this.#storedMethod = methodInUse(view);
    this.#method = this.#storedMethod;
    const purposes = purposesOf(view, words);
    this.#rows = new Map(view.fields.map((field) => [field.name, this.#row(field, purposes)]));
    this.#save = button(words.save, 'primary', () => this.#form.requestSubmit());
    this.#discard = button(words.discard, '', () => this.#drop());
    this.#test = button(words.test, '', () => this.#runTest());
    this.#remove = button(fill(words.removeAll, { label: view.label }), 'quiet danger', () =>
      this.#askToRemove(),
    );
    for (const one of [this.#save, this.#discard, this.#test]) {
      one.addEventListener('blur', () => this.update());
    }
    this.#connection = this.#section(
      words.connection,
      h(
        'div',
        { class: 'row' },
        this.#test,
        h('div', { class: 'space' }, this.#outcome),
        this.#remove,
      ),
    );
    this.#form = this.#buildForm(purposes);
    this.#head = h(
      'button',
      { type: 'button', class: 'head', 'aria-controls': this.#form.id, part: 'header' },
      h('span', { class: 'name' }, view.label),
      this.#badge,
    );
    this.#head.addEventListener('click', () => this.open(Boolean(this.#form.hidden)));
    this.element = h(
      'section',
      {
        class: 'card',
        part: 'card',
        id: this.#id,
        'data-provider': view.name,
        'aria-labelledby': `${this.#id}-title`,
      },
      h('h2', { id: `${this.#id}-title` }, this.#head),
      this.#form,
    );
    this.open(false);
    this.#chooseMethod(this.#method);
  }

  get isDirty(): boolean {
    return Object.keys(this.#changes()).length > 0;
  }

  get isBusy(): boolean {
    return this.#busy !== undefined;
  }

  open(isOpen: boolean): void {
    this.#form.hidden = !isOpen;
    this.#head.setAttribute('aria-expanded', String(isOpen));
  }

  /** Takes a newer version of what is stored; what is typed stays. */
  adopt(view: ProviderView, sent?: Changes): void {
    // What was tested is what was stored before.
    if (sent === undefined && view.etag !== this.view.etag) this.#result = undefined;
    this.view = view;
    this.#newer = undefined;
    for (const field of view.fields) this.#rows.get(field.name)?.adopt(field, sent?.[field.name]);
    const isChosen = this.#method !== this.#storedMethod;
    this.#storedMethod = methodInUse(view);
    if (isChosen && this.isDirty) this.update();
    else this.#chooseMethod(this.#storedMethod);
  }

  update(): void {
    const { view, isDirty } = this;
    const { words, language, may } = this.#host;
    const { text, tone } = badge(view, this.#host);
    setText(this.#badge, text);
    this.#badge.className = `badge ${tone}`;
    // A test that has just failed says the same, beside its button.
    setText(this.#notice, this.#result?.ok === false ? undefined : noticeFor(view, words));
    this.#notice.className = `notice ${tone === 'bad' ? 'bad' : ''}`;
    setText(this.#save, this.#busy === 'saving' ? words.saving : words.save);
    setText(this.#test, this.#busy === 'testing' ? words.testing : words.test);
    // What cannot be opened cannot be changed: it can be removed.
    const isLocked = view.state === 'unreadable';
    this.#form.classList.toggle('locked', isLocked);
    const isThere = view.etag !== null || view.state === 'overridden';
    disable(this.#save, !isDirty || this.isBusy);
    disable(this.#discard, !isDirty || this.#busy === 'saving');
    disable(this.#test, this.isBusy || !(isThere || isDirty));
    this.#test.hidden = isLocked || !(view.testable && may.test);
    this.#remove.hidden = !may.remove || view.etag === null;
    const removes = this.#removedByMethod().map((name) => fieldLabel(view, name));
    setText(
      this.#alsoRemoves,
      removes.length > 0 ? fill(words.alsoRemoves, { list: list(removes, language) }) : undefined,
    );
    this.#showOutcome();
    this.#connection.hidden = this.#test.hidden && this.#remove.hidden && this.#outcome.hidden;
    const when = view.updatedAt && ago(view.updatedAt, language);
    const actor = view.updatedBy ?? '';
    setText(this.#meta, when && fill(actor ? words.lastSavedBy : words.lastSaved, { when, actor }));
  }

  #row(field: FieldView, purposes: ReadonlyMap<string, readonly string[]>): FieldRow {
    const { words, language, may, afterPress, announce } = this.#host;
    return new FieldRow(field, `${this.#id}-${field.name}`, purposes.get(field.name) ?? [], {
      words,
      language,
      isReadOnly: !may.write,
      changed: () => this.#edited(),
      left: (row) =>
        afterPress(() => {
          if (this.#isShown(row) && !row.validate()) announce(`${row.view.label}: ${row.error}`);
        }),
    });
  }

  #buildForm(purposes: ReadonlyMap<string, readonly string[]>): HTMLFormElement {
    const { view } = this;
    const { words, may, announce } = this.#host;
    const ofMethods = new Set(view.methods.flatMap(({ fields }) => fields));
    const others = view.fields.filter(({ name }) => !ofMethods.has(name));
    const used = others.filter(({ name }) => purposes.has(name));
    const rest = others.filter(({ name }) => !purposes.has(name));
    const rows = (fields: readonly FieldView[]) =>
      fields.map(({ name }) => this.#rows.get(name)?.element);
    const more =
      rest.length > 0 &&
      h(
        'details',
        { class: 'more', open: rest.some(({ set }) => set) },
        h('summary', {}, words.more),
        h('div', { class: 'group' }, ...rows(rest)),
      );
    const hasChoice = view.methods.length > 1;
    const title = hasChoice ? words.methods : words.credentials;
    const isUsed = used.length > 0;
    const form = h(
      'form',
      { id: `${this.#id}-form`, novalidate: true, autocomplete: 'off' },
      h(
        'div',
        { class: 'body' },
        this.#notice,
        this.#section(
          title,
          hasChoice && this.#methodChoice(title),
          this.#methodFields,
          !isUsed && more,
        ),
        isUsed && this.#section(words.alsoFor, h('div', { class: 'group' }, ...rows(used)), more),
        view.webhooks.length > 0 &&
          this.#section(
            fill(words.webhooks, { label: view.label }),
            webhookList(view.webhooks, words, announce),
          ),
        this.#connection,
        this.#alsoRemoves,
        this.#alert,
      ),
      h(
        'div',
        { class: 'foot', part: 'actions' },
        this.#meta,
        may.write && h('div', { class: 'row end' }, this.#discard, this.#save),
      ),
    );
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      if (this.#save.ariaDisabled !== 'true') this.#submit();
    });
    // A form whose button is no submit button has no default action of the Enter key.
    form.addEventListener('keydown', (event) => {
      const { target, key, isComposing } = event;
      const isField = target instanceof HTMLInputElement && target.type !== 'radio';
      if (key === 'Enter' && isField && !target.readOnly && !isComposing) {
        event.preventDefault();
        form.requestSubmit();
      }
    });
    return form;
  }

  #section(title: string, ...content: (Node | false | undefined)[]): HTMLElement {
    const shown = content.filter((node) => node instanceof Node);
    return h(
      'div',
      { class: 'section', part: 'section' },
      h('h3', {}, title),
      h('div', { class: 'group' }, ...shown),
    );
  }

  #methodChoice(title: string): HTMLElement {
    const { view } = this;
    const { words, may } = this.#host;
    const choices = view.methods.map(({ id, label, recommended }) => {
      const input = h('input', {
        type: 'radio',
        name: `${this.#id} method`,
        value: id,
        checked: id === this.#method,
        disabled: !may.write,
      });
      input.addEventListener('change', () => {
        this.#chooseMethod(id);
        this.#edited();
      });
      const recommendation = recommended && h('small', {}, words.recommended);
      return h(
        'label',
        { class: 'choice', part: 'choice' },
        input,
        h('span', {}, label),
        recommendation,
      );
    });
    return h('div', { class: 'choices', role: 'radiogroup', 'aria-label': title }, ...choices);
  }

  #chooseMethod(id: string): void {
    this.#method = id;
    for (const input of this.#form.querySelectorAll<HTMLInputElement>('.choice input')) {
      input.checked = input.value === id;
    }
    const fields = this.view.methods.find((method) => method.id === id)?.fields ?? [];
    const rows = fields.flatMap((name) => this.#rows.get(name)?.element ?? []);
    // An element that is put into its place again loses the focus.
    const isSame =
      rows.length === this.#methodFields.children.length &&
      rows.every((row, index) => row === this.#methodFields.children[index]);
    if (!isSame) this.#keepFocus(() => this.#methodFields.replaceChildren(...rows));
    this.update();
  }

  /** The focus stays where it is, or goes to the card's heading if that is gone. */
  #keepFocus(change: () => void): void {
    const focused = this.#focused();
    change();
    if (focused === undefined || focused === this.#focused()) return;
    focused.focus();
    if (focused !== this.#focused()) this.#head.focus();
  }

  #focused(): HTMLElement | undefined {
    const { activeElement } = this.#form.getRootNode() as ShadowRoot | Document;
    const isHere = activeElement instanceof HTMLElement && this.#form.contains(activeElement);
    return isHere ? activeElement : undefined;
  }

  /** The stored fields of the method in use that the chosen one does not have. */
  #removedByMethod(): string[] {
    if (this.#method === this.#storedMethod) return [];
    const chosen = this.view.methods.find(({ id }) => id === this.#method)?.fields ?? [];
    const others = new Set(this.view.methods.flatMap(({ fields }) => fields));
    for (const name of chosen) others.delete(name);
    return [...others].filter((name) => this.#rows.get(name)?.view.set);
  }

  #isShown(row: FieldRow): boolean {
    return this.#form.contains(row.element);
  }

  #changes(): Record<string, string | null> {
    const changes: Record<string, string | null> = {};
    for (const [name, row] of this.#rows) {
      const change = this.#isShown(row) ? row.change : undefined;
      if (change !== undefined) changes[name] = change;
    }
    for (const name of this.#removedByMethod()) changes[name] = null;
    return changes;
  }

  #edited(): void {
    this.#result = undefined;
    this.update();
  }

  #drop(): void {
    for (const row of this.#rows.values()) row.reset();
    this.#result = undefined;
    this.#fail(undefined);
    if (this.#newer) this.adopt(this.#newer);
    this.#chooseMethod(this.#storedMethod);
    this.#host.announce(this.#host.words.discarded);
  }

  async #submit(): Promise<void> {
    const { words, announce, done, api } = this.#host;
    if (!this.#validate()) return;
    const sent = this.#changes();
    await this.#while('saving', async () => {
      const saved = await api.save(this.view.name, this.view.etag, sent);
      this.#storedMethod = methodInUse(saved);
      this.adopt(saved, sent);
      announce(words.saved);
      done('saved', { provider: saved });
    });
  }

  async #runTest(): Promise<void> {
    const { api, done } = this.#host;
    if (!this.#validate()) return;
    this.#result = undefined;
    const sent = this.#changes();
    await this.#while('testing', async () => {
      const result = await api.test(this.view.name, this.isDirty ? sent : undefined);
      // Where somebody has typed on, the result is about something else.
      if (JSON.stringify(this.#changes()) === JSON.stringify(sent)) {
        this.#result = { ...result, at: new Date().toISOString() };
        this.#showFieldErrors(result.errors ?? {});
      }
      done('tested', { name: this.view.name, ok: result.ok });
    });
  }

  async #askToRemove(): Promise<void> {
    const { view } = this;
    const { words, api, announce, done } = this.#host;
    const { etag } = view;
    if (etag === null) return;
    if (!(await confirmRemoval(this.element, view, this.#host))) return;
    try {
      await api.remove(view.name, etag);
      for (const row of this.#rows.values()) row.reset();
      this.#fail(undefined);
      this.#result = undefined;
      this.#head.focus();
      announce(fill(words.removed, { label: view.label }));
      done('removed', { name: view.name });
    } catch (error) {
      this.#showError(error, false);
    }
  }

  async #while(busy: 'saving' | 'testing', run: () => Promise<void>): Promise<void> {
    this.#fail(undefined);
    this.#busy = busy;
    this.update();
    try {
      await run();
    } catch (error) {
      this.#showError(error, busy === 'saving');
    } finally {
      this.#busy = undefined;
      this.update();
    }
  }

  #validate(): boolean {
    const shown = [...this.#rows.values()].filter((row) => this.#isShown(row));
    for (const row of shown) row.setError(undefined);
    const wrong = shown.filter((row) => !row.validate());
    if (wrong.length === 0) return true;
    this.#fail(this.#host.words.invalid);
    this.#focus(wrong[0]);
    return false;
  }

  /** Marks the fields, and focuses the first; the errors of others are returned as lines. */
  #showFieldErrors(errors: Readonly<Record<string, string>>): string[] {
    const wrong: FieldRow[] = [];
    const others: string[] = [];
    for (const [name, text] of Object.entries(errors)) {
      const row = this.#rows.get(name);
      row?.setError(text);
      if (row && this.#isShown(row)) wrong.push(row);
      else others.push(`${fieldLabel(this.view, name)}: ${text}`);
    }
    if (wrong[0]) this.#focus(wrong[0]);
    return others;
  }

  #focus(row: FieldRow | undefined): void {
    const folded = row?.element.closest('details');
    if (folded) folded.open = true;
    const target = row && this.#isShown(row) ? row.input : this.#head;
    target.focus();
    if (this.#focused() !== target) this.#head.focus(); // the field is about to be removed
  }

  #showError(error: unknown, isSave: boolean): void {
    if (!(error instanceof SettingsError)) throw error;
    const { status, code, message, errors, current } = error;
    const { words, restart, loggedOut } = this.#host;
    if (status === 412 && current) {
      this.#showConflict(message, current, isSave);
      return;
    }
    const others = this.#showFieldErrors(errors).map((line) => h('li', {}, line));
    this.#fail(
      message,
      others.length > 0 && h('ul', {}, ...others),
      code === 'ERR_ACCOUNT_CHANGED' && button(words.loadAgain, '', restart),
    );
    if (status === 401) loggedOut();
  }

  /** An error stays until the next try. */
  #fail(text: string | undefined, ...more: (HTMLElement | false)[]): void {
    this.#alert.replaceChildren(
      ...(text === undefined ? [] : [h('p', {}, text), ...more.filter((node) => node !== false)]),
    );
    this.#alert.hidden = text === undefined;
    if (text !== undefined) this.#alert.scrollIntoView({ block: 'nearest' });
  }

  /** Who changed what, and the ways to go on. */
  #showConflict(message: string, current: ProviderView, isSave: boolean): void {
    const { words, language } = this.#host;
    this.#newer = current;
    const when = current.updatedAt && current.etag !== null ? ago(current.updatedAt, language) : '';
    const changed = changedFields(this.view, current);
    const value = ({ masked }: FieldView) => masked ?? words.nothing;
    const lines = changed.map(([was, now]) =>
      h('li', {}, `${now.label}: ${value(was)} → ${value(now)}`),
    );
    const review = button(words.review, '', () => {
      this.adopt(current);
      const mine = this.#changes();
      const both = changed.filter(([, { name }]) => name in mine);
      for (const [, field] of both) this.#rows.get(field.name)?.setTheirs(value(field));
      const [first] = both.length > 0 ? both : changed;
      this.#focus(first && this.#rows.get(first[1].name));
      this.#fail(undefined);
    });
    const keepMine = button(words.keepMine, '', () => {
      this.adopt(current);
      this.#save.focus();
      if (this.#focused() !== this.#save) this.#head.focus(); // theirs is the same: nothing to save
      this.#fail(undefined);
      if (this.isDirty) this.#submit();
    });
    this.#fail(
      [message, when && `(${when})`].filter(Boolean).join(' '),
      current.etag === null ? h('p', {}, words.removedMeanwhile) : h('ul', {}, ...lines),
      h('div', { class: 'row' }, review, isSave && keepMine),
    );
  }

  #showOutcome(): void {
    const { words, language } = this.#host;
    const { health, etag } = this.view;
    const isKnown = health?.state === 'ok' && etag !== null && !this.isDirty;
    const at =
      this.#result === undefined ? isKnown && health.checkedAt : this.#result.ok && this.#result.at;
    const verified = at ? fill(words.verified, { when: ago(at, language) }) : undefined;
    setText(this.#outcome, verified ?? this.#result?.message);
    this.#outcome.className = `result ${verified ? 'good' : 'bad'}`;
  }
}
