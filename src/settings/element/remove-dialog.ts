import type { ProviderView } from '../contract.ts';
import { button, fill, h, list } from './dom.ts';
import type { ElementStrings } from './strings.ts';

/**
 * Asks whether a provider shall be removed, and names what stops working.
 *
 * @internal
 */
export function confirmRemoval(
  parent: HTMLElement,
  view: ProviderView,
  host: {
    readonly words: ElementStrings;
    readonly language: string | undefined;
    readonly capabilityName: (name: string) => string;
  },
): Promise<boolean> {
  const { words, language, capabilityName } = host;
  const { label } = view;
  const ready = Object.keys(view.ready).filter((name) => view.ready[name]);
  const stops =
    ready.length > 0
      ? fill(words.removeStops, { list: list(ready.map(capabilityName), language) })
      : words.removeNothing;
  return new Promise((resolve) => {
    const keep = button(words.keep, '', () => dialog.close());
    keep.autofocus = true;
    const confirm = button(fill(words.removeConfirm, { label }), 'danger', () =>
      dialog.close('yes'),
    );
    const titleId = `${view.name}-remove`;
    const dialog = h(
      'dialog',
      { 'aria-labelledby': titleId, part: 'dialog' },
      h(
        'div',
        {},
        h('h2', { id: titleId }, fill(words.removeTitle, { label })),
        h('p', {}, stops),
        h('p', { class: 'meta' }, words.removeProvider),
        h('div', { class: 'row' }, keep, confirm),
      ),
    );
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(dialog.returnValue === 'yes');
    });
    parent.append(dialog);
    dialog.showModal();
  });
}
