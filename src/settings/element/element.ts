import type { ActivityEntry, SettingsOverview } from '../contract.ts';
import { Api, type ApiHost, type RequestHeaders, SettingsError } from './api.ts';
import { type CardHost, ProviderCard } from './card.ts';
import { ago, button, h } from './dom.ts';
import { Press } from './press.ts';
import { type ElementStrings, elementStrings } from './strings.ts';
import { css } from './styles.ts';

// Frameworks import this module on the server too, where there are no elements.
const Base = (globalThis.HTMLElement ?? class {}) as typeof HTMLElement;
const TICK_MS = 30_000;

/**
 * `<provider-settings src="/api/provider-settings">`: the settings page of `createSettingsHandler`.
 *
 * Attributes: `src`, the path of the handler; `theme`, `light` or `dark` (default: as the browser).
 * Events, which bubble: `provider-saved`, `provider-tested`, `provider-removed`, `login-required`.
 *
 * @public
 */
export class ProviderSettings extends Base {
  static readonly observedAttributes = ['src'];

  #headers: RequestHeaders = {};
  #words: ElementStrings = elementStrings;
  readonly #cards = new Map<string, ProviderCard>();
  readonly #live = h('p', { class: 'live', role: 'status' });
  readonly #main = h('div', { class: 'root', part: 'root', role: 'group', tabindex: -1 });
  readonly #list = h('div', { class: 'root' });
  readonly #activity = h('section', { class: 'panel', part: 'activity', hidden: true });
  readonly #press = new Press();
  #account: string | undefined;
  #activityEntries: readonly ActivityEntry[] = [];
  #load = 0;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor() {
    super();
    const root = this.attachShadow({ mode: 'open' });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
    root.adoptedStyleSheets = [sheet];
    root.append(this.#main, this.#live);
  }

  /** The path of the handler. */
  get src(): string {
    return this.getAttribute('src') ?? '';
  }

  set src(value: string) {
    this.setAttribute('src', value);
  }

  /** Headers of each request, or a function that returns them: a CSRF token. */
  get headers(): RequestHeaders {
    return this.#headers;
  }

  set headers(headers: RequestHeaders) {
    this.#headers = headers;
  }

  /** Words that replace {@link elementStrings}: a translation. */
  get strings(): Partial<ElementStrings> {
    return this.#words;
  }

  set strings(words: Partial<ElementStrings>) {
    const before = this.#words;
    const after = { ...elementStrings, ...words };
    // A framework sets an equal object at each of its renderings: what is typed must stay.
    const names = Object.keys(after) as (keyof ElementStrings)[];
    if (names.every((name) => before[name] === after[name])) return;
    this.#words = after;
    if (this.isConnected) this.#restart();
  }

  /** Whether there is something typed that is not saved. */
  get dirty(): boolean {
    return [...this.#cards.values()].some((card) => card.isDirty);
  }

  connectedCallback(): void {
    // A framework may have set properties before the element was defined.
    this.#takeOver('headers');
    this.#takeOver('strings');
    addEventListener('beforeunload', this.#warn);
    this.#press.listen();
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    if (this.#cards.size === 0) this.#restart();
    else this.refresh(); // it was moved: what is typed stays
  }

  disconnectedCallback(): void {
    removeEventListener('beforeunload', this.#warn);
    this.#press.stop();
    clearInterval(this.#timer);
  }

  attributeChangedCallback(_name: string, before: string | null, after: string | null): void {
    if (this.isConnected && before !== after) this.#restart();
  }

  /** Reads everything again. What is typed stays. */
  async refresh(): Promise<void> {
    const load = ++this.#load;
    try {
      const overview = await new Api(this.#apiHost()).overview();
      if (load === this.#load) this.#show(overview); // else an older answer that was slow
    } catch (error) {
      if (load !== this.#load) return;
      if (!(error instanceof SettingsError)) throw error;
      if (this.#cards.size === 0) this.#showFailure(error);
      if (error.status === 401) this.#emit('login-required', {});
    }
  }

  #takeOver(name: 'headers' | 'strings'): void {
    if (!Object.hasOwn(this, name)) return;
    const { [name]: value } = this;
    Reflect.deleteProperty(this, name);
    Object.assign(this, { [name]: value });
  }

  #restart(): void {
    this.#cards.clear();
    this.#list.replaceChildren();
    this.#account = undefined;
    const { loading, title } = this.#words;
    const skeleton = () => h('div', { class: 'skeleton', 'aria-hidden': 'true' });
    this.#main.replaceChildren(
      h('p', { class: 'live', role: 'status' }, loading),
      ...[skeleton(), skeleton(), skeleton()],
    );
    this.#main.setAttribute('aria-label', title);
    this.#main.setAttribute('aria-busy', 'true');
    if (this.src !== '') this.refresh();
  }

  #show({ providers, activity, may, account }: SettingsOverview): void {
    const words = this.#words;
    // Somebody has logged in to another account: what is typed belongs to the one before.
    if (this.#account !== undefined && this.#account !== account) {
      this.#restart();
      return;
    }
    this.#account = account;
    this.#main.removeAttribute('aria-busy');
    const host = this.#cardHost(may);
    const isFirst = this.#cards.size === 0;
    for (const view of providers) {
      const card = this.#cards.get(view.name);
      if (card === undefined) this.#cards.set(view.name, new ProviderCard(view, host));
      // What is typed refers to the version it was typed over: a save finds out whether it is stale.
      else if (!card.isDirty && !card.isBusy) card.adopt(view);
    }
    for (const [name, card] of this.#cards) {
      if (providers.some((view) => view.name === name)) continue;
      if (card.element.contains(this.shadowRoot?.activeElement ?? null)) this.#main.focus();
      card.element.remove();
      this.#cards.delete(name);
    }
    for (const { name } of providers) {
      const element = this.#cards.get(name)?.element;
      if (element && !this.#list.contains(element)) this.#list.append(element);
    }
    if (isFirst) this.#openFirst();
    this.#activityEntries = activity;
    this.#showActivity();
    if (this.#main.contains(this.#list)) return;
    const empty = h('div', { class: 'panel empty', part: 'panel' }, h('p', {}, words.empty));
    this.#main.replaceChildren(providers.length > 0 ? this.#list : empty, this.#activity);
  }

  #openFirst(): void {
    const cards = [...this.#cards.values()];
    const first =
      cards.find(({ view }) => /incomplete|unreadable/.test(view.state)) ??
      (cards.every(({ view }) => view.state === 'missing') ? cards[0] : undefined);
    first?.open(true);
  }

  #showActivity(): void {
    const lines = this.#activityEntries.map(({ at, message, outcome }) =>
      h(
        'li',
        { class: outcome === 'ok' ? '' : 'bad' },
        h('span', {}, message),
        h('time', { class: 'meta', datetime: at }, this.#ago(at)),
      ),
    );
    this.#activity.hidden = lines.length === 0;
    this.#activity.replaceChildren(
      h('h2', {}, this.#words.activity),
      h('ul', { class: 'activity' }, ...lines),
    );
  }

  #showFailure({ message }: SettingsError): void {
    const words = this.#words;
    const retry = button(words.retry, '', () => this.#reload());
    this.#main.removeAttribute('aria-busy');
    this.#main.replaceChildren(
      h(
        'div',
        { class: 'panel', part: 'panel', role: 'alert' },
        h('h2', {}, words.loadFailed),
        h('p', { class: 'error', part: 'error' }, message),
        retry,
      ),
    );
  }

  #reload(): void {
    this.#main.focus(); // the button that was pressed is about to go
    this.#restart();
  }

  #cardHost(may: SettingsOverview['may']): CardHost {
    const words = this.#words;
    return {
      api: new Api(this.#apiHost()),
      words,
      language: this.#language,
      may,
      announce: (text) => this.#announce(text),
      afterPress: (run) => this.#press.after(run),
      done: (what, detail) => {
        this.#emit(`provider-${what}`, detail);
        this.refresh();
      },
      loggedOut: () => this.#emit('login-required', {}),
      restart: () => this.#reload(),
    };
  }

  #apiHost(): ApiHost {
    const element = this;
    return {
      get src() {
        return element.src;
      },
      get headers() {
        return element.headers;
      },
      get account() {
        return element.#account;
      },
      words: this.#words,
    };
  }

  // A live region that gets the text it has already is silent.
  #announce(text: string): void {
    this.#live.textContent = '';
    setTimeout(() => {
      this.#live.textContent = text;
    }, 50);
  }

  #emit(type: string, detail: object): void {
    this.dispatchEvent(new CustomEvent(type, { detail, bubbles: true, composed: true }));
  }

  #tick(): void {
    for (const card of this.#cards.values()) card.update();
    for (const time of this.#activity.querySelectorAll('time')) {
      time.textContent = this.#ago(time.dateTime);
    }
  }

  #ago(at: string): string {
    return ago(at, this.#language);
  }

  get #language(): string | undefined {
    return this.closest('[lang]')?.getAttribute('lang') || undefined;
  }

  readonly #warn = (event: BeforeUnloadEvent): void => {
    if (!this.dirty) return;
    event.preventDefault();
    event.returnValue = true; // browsers before 2024
  };
}
