import type { FieldView, ProviderView } from '../contract.ts';
import { fill, list } from './dom.ts';
import type { ElementStrings } from './strings.ts';

/** What the words about a provider depend on beside it. @internal */
export interface Wording {
  readonly words: ElementStrings;
  readonly language: string | undefined;
}

/** What a provider can be used for at the moment, in words. @internal */
export function readyFor(view: ProviderView, words: ElementStrings): string[] {
  const ready = Object.keys(view.ready).filter((name) => view.ready[name]);
  return ready.map((name) => capabilityName(name, words));
}

/** What each field beside the credentials is needed for, in words. @internal */
export function purposesOf(view: ProviderView, words: ElementStrings): Map<string, string[]> {
  const purposes = new Map<string, string[]>();
  for (const [capability, fields] of Object.entries(view.capabilities)) {
    for (const field of fields) {
      purposes.set(field, [...(purposes.get(field) ?? []), capabilityName(capability, words)]);
    }
  }
  return purposes;
}

function capabilityName(name: string, words: ElementStrings): string {
  return (words as Readonly<Record<string, string>>)[`capability.${name}`] ?? name;
}

/** The state of a provider in a few words, and whether it is good. @internal */
export function badge(
  view: ProviderView,
  { words, language }: Wording,
): { readonly text: string; readonly tone: string } {
  if (isRefused(view)) return { text: words.failing, tone: 'bad' };
  switch (view.state) {
    case 'missing':
      return { text: words.notConnected, tone: '' };
    case 'unreadable':
      return { text: words.unreadable, tone: 'bad' };
    case 'incomplete': {
      if (isHalfOverridden(view)) return { text: words.failing, tone: 'bad' };
      const missing = view.missing.map((name) => fieldLabel(view, name));
      return { text: fill(words.needs, { list: list(missing, language) }), tone: 'warn' };
    }
    case 'overridden':
      return { text: words.overridden, tone: 'warn' };
    default: {
      const ready = readyFor(view, words);
      if (ready.length === 0) return { text: words.connected, tone: 'good' };
      return { text: fill(words.readyFor, { list: list(ready, language) }), tone: 'good' };
    }
  }
}

/** What a user should know before anything else. @internal */
export function noticeFor(view: ProviderView, words: ElementStrings): string | undefined {
  if (view.state === 'unreadable') return words.unreadableHelp;
  if (view.state === 'overridden') return words.overriddenHelp;
  if (isHalfOverridden(view)) return words.halfOverriddenHelp;
  if (isRefused(view)) return (mayBeKept(view) && view.health?.message) || words.reauthorize;
  return view.health?.state === 'expiring' ? words.expiring : undefined;
}

function isRefused({ state, health }: ProviderView): boolean {
  const isUsed = state === 'configured';
  return isUsed && (health?.state === 'failing' || health?.state === 'needs_reauthorization');
}

/** Whether other credentials would not help: the account is suspended, or lacks a permission. */
function mayBeKept({ health }: ProviderView): boolean {
  return !['wrong_credentials', 'invalid_grant', 'refresh_failed'].includes(health?.code ?? '');
}

/** Whether the operator's environment has a part of the credentials: clients use neither. */
function isHalfOverridden({ reason }: ProviderView): boolean {
  return reason === 'ERR_ENV_INCOMPLETE';
}

/** @internal */
export function fieldLabel(view: ProviderView, name: string): string {
  return view.fields.find((field) => field.name === name)?.label ?? name;
}

/** The method whose fields are stored, else the recommended one. @internal */
export function methodInUse({ methods, fields }: ProviderView): string {
  const isSet = (name: string) => fields.some((field) => field.name === name && field.set);
  const share = (names: readonly string[]) => names.filter(isSet).length / names.length;
  const first = methods.find(({ recommended }) => recommended) ?? methods[0];
  const best = [first, ...methods].reduce((a, b) =>
    share(b?.fields ?? []) > share(a?.fields ?? []) ? b : a,
  );
  return best?.id ?? '';
}

/** The fields that differ, as they were and as they are. @internal */
export function changedFields(
  before: ProviderView,
  after: ProviderView,
): (readonly [FieldView, FieldView])[] {
  return after.fields.flatMap((now) => {
    const was = before.fields.find(({ name }) => name === now.name);
    return was && (was.set !== now.set || was.masked !== now.masked) ? [[was, now] as const] : [];
  });
}
