import type { FieldView, Permissions, ProviderView, TestResult } from '../contract.ts';
import { type Api, type Changes, SettingsError } from './api.ts';
import { ago, button, disable, fill, h, list, setAttribute, setText } from './dom.ts';
import { FieldRow } from './field.ts';
import { confirmRemoval } from './remove-dialog.ts';
import type { ElementStrings } from './strings.ts';

/** What a card needs of the element around it. @internal */
export interface CardHost {
  readonly api: Api;
  readonly words: ElementStrings;
  readonly language: string | undefined;
  readonly may: Permissions;
  /** The name of a capability in words. */
  capabilityName(name: string): string;
  /** Says something to a screen reader. */
  announce(text: string): void;
  /** Something was done that others may show. */
  done(what: 'saved' | 'tested' | 'removed', detail: object): void;
  /** The session is over. */
  loggedOut(): void;
}

/** One provider: its state, its form, and what can be done. @internal */
export class ProviderCard {
  readonly element: HTMLElement;
  view: ProviderView;
  readonly #host: CardHost;
  readonly #rows: ReadonlyMap<string, FieldRow>;
  #method: string;
  /** The method of what is stored: choosing another one removes the fields of this one. */
  #storedMethod: string;
  #busy: 'saving' | 'testing' | undefined;
  #result: (TestResult & { readonly at: string }) | undefined;
  readonly #head: HTMLButtonElement;
  readonly #badge = h('span', { class: 'badge', part: 'badge' });
  readonly #notice = h('p', { class: 'notice' });
  readonly #alert = h('div', { class: 'notice bad', role: 'alert', part: 'error', hidden: true });
  readonly #methodFields = h('div', { class: 'group' });
  readonly #alsoRemoves = h('p', { class: 'meta' });
  readonly #outcome = h('p', { class: 'result', role: 'status' });
  readonly #meta = h('p', { class: 'meta' });
  readonly #save: HTMLButtonElement;
  readonly #discard: HTMLButtonElement;
  readonly #test: HTMLButtonElement;
  readonly #remove: HTMLButtonElement;
  readonly #form: HTMLFormElement;

  constructor(view: ProviderView, host: CardHost) {
    this.view = view;
    this.#host = host;
    const { words, may } = host;
    this.#storedMethod = methodInUse(view);
    this.#method = this.#storedMethod;
    this.#rows = new Map(
      view.fields.map((field) => [
        field.name,
        new FieldRow(field, `${view.name}-${field.name}`, words, !may.write, () => this.#edited()),
      ]),
    );
    this.#save = button(words.save, 'primary', () => this.#form.requestSubmit());
    this.#discard = button(words.discard, 'quiet', () => this.#drop());
    this.#test = button(words.test, '', () => this.#runTest());
    this.#remove = button(fill(words.removeAll, { label: view.label }), 'quiet danger', () =>
      this.#askToRemove(),
    );
    this.#save.addEventListener('blur', () => this.update());
    this.#discard.addEventListener('blur', () => this.update());
    this.#form = this.#buildForm();
    this.#head = h(
      'button',
      { type: 'button', class: 'head', 'aria-controls': this.#form.id, part: 'header' },
      h('span', { class: 'name' }, view.label),
      this.#badge,
    );
    this.#head.addEventListener('click', () => this.open(Boolean(this.#form.hidden)));
    const titleId = `${view.name}-title`;
    this.element = h(
      'section',
      { class: 'card', part: 'card', 'data-provider': view.name, 'aria-labelledby': titleId },
      h('h2', { id: titleId }, this.#head),
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
  adopt(view: ProviderView, sent: Changes = {}): void {
    this.view = view;
    for (const field of view.fields) this.#rows.get(field.name)?.adopt(field, sent[field.name]);
    const isChosen = this.#method !== this.#storedMethod;
    this.#storedMethod = methodInUse(view);
    if (!isChosen || !this.isDirty) this.#chooseMethod(this.#storedMethod);
    this.update();
  }

  update(): void {
    const { view, isDirty } = this;
    const { words, language, may } = this.#host;
    const { text, tone } = badge(view, this.#host);
    setText(this.#badge, text);
    this.#badge.className = `badge ${tone}`;
    const notice = noticeFor(view, words);
    setText(this.#notice, notice);
    setAttribute(this.#notice, 'class', `notice ${tone === 'bad' ? 'bad' : ''}`);
    setText(this.#save, this.#busy === 'saving' ? words.saving : words.save);
    setText(this.#test, this.#busy === 'testing' ? words.testing : words.test);
    disable(this.#save, !isDirty || this.isBusy);
    disable(this.#discard, !isDirty || this.#busy === 'saving');
    disable(this.#test, this.isBusy || (view.etag === null && !isDirty));
    this.#save.hidden = !may.write;
    this.#discard.hidden = !may.write;
    this.#test.hidden = !(view.testable && may.test);
    this.#remove.hidden = !may.remove || view.etag === null;
    const removes = this.#removedByMethod().map((name) => this.#label(name));
    setText(
      this.#alsoRemoves,
      removes.length > 0 ? fill(words.alsoRemoves, { list: list(removes, language) }) : undefined,
    );
    this.#showOutcome();
    const when = view.updatedAt && ago(view.updatedAt, language);
    const actor = view.updatedBy ?? '';
    const saved = actor ? words.lastSavedBy : words.lastSaved;
    setText(this.#meta, when && fill(saved, { when, actor }));
  }

  #buildForm(): HTMLFormElement {
    const { view } = this;
    const { words, language } = this.#host;
    const ofMethods = new Set(view.methods.flatMap(({ fields }) => fields));
    const others = view.fields.filter(({ name }) => !ofMethods.has(name));
    const purposes = purposesOf(view, words);
    const used = others.filter(({ name }) => purposes.has(name));
    const rest = others.filter(({ name }) => !purposes.has(name));
    const rows = (fields: readonly FieldView[]) =>
      fields.map(({ name }) => this.#rows.get(name)?.element);
    const form = h(
      'form',
      { id: `${view.name}-form`, novalidate: true, autocomplete: 'off' },
      this.#notice,
      this.#alert,
      view.methods.length > 1 && this.#methodChoice(),
      this.#methodFields,
      used.length > 0 && h('div', { class: 'group' }, h('h3', {}, words.alsoFor), ...rows(used)),
      rest.length > 0 &&
        h(
          'details',
          { class: 'more', open: rest.some(({ set }) => set) },
          h('summary', {}, words.more),
          h('div', { class: 'group' }, ...rows(rest)),
        ),
      this.#alsoRemoves,
      h('div', { class: 'row' }, this.#save, this.#discard, this.#test, this.#remove),
      this.#outcome,
      this.#meta,
      view.webhooks.length > 0 && this.#webhooks(),
    );
    for (const [field, uses] of purposes) {
      this.#rows.get(field)?.addHint(fill(words.neededFor, { list: list(uses, language) }));
    }
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      if (this.#save.ariaDisabled !== 'true') this.#submit();
    });
    // A form whose button is no submit button has no default action of the Enter key.
    form.addEventListener('keydown', (event) => {
      const isField = event.target instanceof HTMLInputElement && event.target.type !== 'radio';
      if (event.key === 'Enter' && isField && !event.isComposing) {
        event.preventDefault();
        form.requestSubmit();
      }
    });
    return form;
  }

  #methodChoice(): HTMLElement {
    const { view } = this;
    const { words, may } = this.#host;
    const choices = view.methods.map(({ id, label, recommended }) => {
      const input = h('input', {
        type: 'radio',
        name: `${view.name} method`,
        value: id,
        checked: id === this.#method,
        disabled: !may.write,
      });
      input.addEventListener('change', () => {
        this.#chooseMethod(id);
        this.#edited();
      });
      const badge = recommended && h('small', {}, words.recommended);
      return h('label', { class: 'choice', part: 'choice' }, input, label, badge);
    });
    return h(
      'fieldset',
      {},
      h('legend', {}, words.methods),
      h('div', { class: 'choices' }, ...choices),
    );
  }

  #webhooks(): HTMLElement {
    const { words, announce } = this.#host;
    const lines = this.view.webhooks.map(({ label, url }) => {
      const address = h('code', { tabindex: 0 }, url);
      const copy = button(words.copy, '', async () => {
        try {
          await navigator.clipboard.writeText(url);
          copy.textContent = words.copied;
          announce(words.copied);
          setTimeout(() => setText(copy, words.copy), 3000);
        } catch {
          getSelection()?.selectAllChildren(address); // not allowed: the user copies it himself
        }
      });
      copy.setAttribute('aria-label', `${words.copy}: ${label}`);
      return h(
        'li',
        { class: 'webhook' },
        h('span', {}, label),
        h('span', { class: 'row' }, address, copy),
      );
    });
    const title = h('h3', {}, fill(words.webhooks, { label: this.view.label }));
    return h('div', { class: 'group' }, title, h('ul', { class: 'group' }, ...lines));
  }

  #chooseMethod(id: string): void {
    this.#method = id;
    for (const input of this.#form.querySelectorAll<HTMLInputElement>('.choice input')) {
      input.checked = input.value === id;
    }
    const fields = this.view.methods.find((method) => method.id === id)?.fields ?? [];
    this.#methodFields.replaceChildren(
      ...fields.flatMap((name) => this.#rows.get(name)?.element ?? []),
    );
    this.update();
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
    this.#chooseMethod(this.#storedMethod);
    this.#host.announce(this.#host.words.discarded);
  }

  async #submit(): Promise<void> {
    const { words, announce, done, api } = this.#host;
    if (!this.#validate()) return;
    const sent = this.#changes();
    this.#fail(undefined);
    this.#busy = 'saving';
    this.update();
    try {
      const saved = await api.save(this.view.name, this.view.etag, sent);
      this.#storedMethod = methodInUse(saved);
      this.adopt(saved, sent);
      announce(words.saved);
      done('saved', { provider: saved });
    } catch (error) {
      this.#showError(error);
    } finally {
      this.#busy = undefined;
      this.update();
    }
  }

  async #runTest(): Promise<void> {
    const { api, done } = this.#host;
    if (!this.#validate()) return;
    this.#result = undefined;
    this.#fail(undefined);
    this.#busy = 'testing';
    this.update();
    try {
      const result = await api.test(this.view.name, this.isDirty ? this.#changes() : undefined);
      this.#result = { ...result, at: new Date().toISOString() };
      this.#showFieldErrors(result.errors ?? {});
      done('tested', { name: this.view.name, ok: result.ok });
    } catch (error) {
      this.#showError(error);
    } finally {
      this.#busy = undefined;
      this.update();
    }
  }

  async #askToRemove(): Promise<void> {
    const { view } = this;
    const { words, api, announce, done } = this.#host;
    if (view.etag === null) return;
    if (!(await confirmRemoval(this.element, view, this.#host))) return;
    try {
      await api.remove(view.name, view.etag);
      for (const row of this.#rows.values()) row.reset();
      this.#fail(undefined);
      this.#result = undefined;
      this.#head.focus();
      announce(fill(words.removed, { label: view.label }));
      done('removed', { name: view.name });
    } catch (error) {
      this.#showError(error);
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

  #showFieldErrors(errors: Readonly<Record<string, string>>): void {
    const wrong = Object.entries(errors).flatMap(([name, text]) => {
      const row = this.#rows.get(name);
      row?.setError(text);
      return row ?? [];
    });
    this.#focus(wrong[0]);
  }

  #focus(row: FieldRow | undefined): void {
    const folded = row?.element.closest('details');
    if (folded) folded.open = true;
    row?.input.focus();
  }

  #showError(error: unknown): void {
    if (!(error instanceof SettingsError)) throw error;
    const { status, message, errors, current } = error;
    if (status === 412 && current) {
      this.#showConflict(message, current);
      return;
    }
    this.#fail(message);
    this.#showFieldErrors(errors);
    if (status === 401) this.#host.loggedOut();
  }

  /** An error stays until the next try. */
  #fail(text: string | undefined, ...more: HTMLElement[]): void {
    this.#alert.replaceChildren(...(text === undefined ? [] : [h('p', {}, text), ...more]));
    this.#alert.hidden = text === undefined;
  }

  /** Who changed what, and the two ways to go on. */
  #showConflict(message: string, current: ProviderView): void {
    const { words, language } = this.#host;
    const when = current.updatedAt && current.etag !== null ? ago(current.updatedAt, language) : '';
    const changed = changedFields(this.view, current);
    const lines = changed.map(([was, now]) => {
      const value = (field: FieldView) => field.masked ?? words.nothing;
      return h('li', {}, `${now.label}: ${value(was)} → ${value(now)}`);
    });
    const review = button(words.review, '', () => {
      this.#fail(undefined);
      this.adopt(current);
      const mine = this.#changes();
      const both = changed.filter(([, { name }]) => name in mine);
      for (const [, { name, masked = words.nothing }] of both)
        this.#rows.get(name)?.setTheirs(masked);
      const [first] = both.length > 0 ? both : changed;
      this.#focus(first && this.#rows.get(first[1].name));
      if (first === undefined) this.#head.focus();
    });
    const keepMine = button(words.keepMine, '', () => {
      this.adopt(current);
      this.#save.focus();
      this.#submit();
    });
    this.#fail(
      [message, when && `(${when})`].filter(Boolean).join(' '),
      current.etag === null ? h('p', {}, words.removedMeanwhile) : h('ul', {}, ...lines),
      h('div', { class: 'row' }, review, keepMine),
    );
  }

  #showOutcome(): void {
    const { words, language } = this.#host;
    const { health, etag } = this.view;
    const checked = health?.state === 'ok' && etag !== null ? health.checkedAt : undefined;
    const at = this.#result?.ok
      ? this.#result.at
      : this.#result === undefined
        ? checked
        : undefined;
    const verified = at && fill(words.verified, { when: ago(at, language) });
    setText(this.#outcome, verified ?? this.#result?.message);
    this.#outcome.className = `result ${verified ? 'good' : 'bad'}`;
  }

  #label(name: string): string {
    return this.#rows.get(name)?.view.label ?? name;
  }
}

/** The method whose fields are stored, else the recommended one. */
function methodInUse({ methods, fields }: ProviderView): string {
  const isSet = (name: string) => fields.some((field) => field.name === name && field.set);
  const share = (names: readonly string[]) => names.filter(isSet).length / names.length;
  const first = methods.find(({ recommended }) => recommended) ?? methods[0];
  const best = [first, ...methods].reduce((a, b) =>
    share(b?.fields ?? []) > share(a?.fields ?? []) ? b : a,
  );
  return best?.id ?? '';
}

/** @internal */
export function capabilityName(name: string, words: ElementStrings): string {
  return (words as Readonly<Record<string, string>>)[`capability.${name}`] ?? name;
}

function badge(view: ProviderView, { words, language }: CardHost): { text: string; tone: string } {
  const ready = Object.keys(view.ready).filter((name) => view.ready[name]);
  const names = ready.map((name) => capabilityName(name, words));
  const isFailing = view.health && /^(failing|needs)/.test(view.health.state);
  switch (view.state) {
    case 'missing':
      return { text: words.notConnected, tone: '' };
    case 'unreadable':
      return { text: words.unreadable, tone: 'bad' };
    case 'incomplete': {
      const label = (name: string) => view.fields.find((field) => field.name === name)?.label;
      const missing = view.missing.map((name) => label(name) ?? name);
      return { text: fill(words.needs, { list: list(missing, language) }), tone: 'warn' };
    }
    case 'overridden':
      return { text: words.overridden, tone: 'warn' };
    default: {
      const text =
        names.length > 0 ? fill(words.readyFor, { list: list(names, language) }) : words.connected;
      return { text, tone: isFailing ? 'bad' : 'good' };
    }
  }
}

function noticeFor({ state, health }: ProviderView, words: ElementStrings): string | undefined {
  if (state === 'unreadable') return words.unreadableHelp;
  if (state === 'overridden') return words.overriddenHelp;
  if (health?.state === 'needs_reauthorization' || health?.state === 'failing')
    return words.reauthorize;
  return health?.state === 'expiring' ? words.expiring : undefined;
}

function changedFields(
  before: ProviderView,
  after: ProviderView,
): (readonly [FieldView, FieldView])[] {
  return after.fields.flatMap((now) => {
    const was = before.fields.find(({ name }) => name === now.name);
    return was && (was.set !== now.set || was.masked !== now.masked) ? [[was, now] as const] : [];
  });
}

/** What each field beside the credentials is needed for. */
function purposesOf(view: ProviderView, words: ElementStrings): Map<string, string[]> {
  const purposes = new Map<string, string[]>();
  for (const [capability, fields] of Object.entries(view.capabilities)) {
    for (const field of fields) {
      purposes.set(field, [...(purposes.get(field) ?? []), capabilityName(capability, words)]);
    }
  }
  return purposes;
}
