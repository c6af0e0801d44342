// Runs inside the page: what a screen reader could not name, and other plain mistakes.
function problemsOfPage() {
  const problems = [];
  const all = (selector) => [...document.querySelectorAll(selector)];

  const ids = all('[id]').map(({ id }) => id);
  for (const id of ids.filter((one, index) => ids.indexOf(one) !== index)) {
    problems.push(`the id ${id} is there twice`);
  }
  for (const field of all('input, textarea')) {
    if (!field.labels[0]?.textContent) problems.push(`no label: ${field.outerHTML}`);
  }
  for (const element of all('button, a, summary')) {
    const name = element.getAttribute('aria-label') ?? element.textContent;
    if (!name.trim()) problems.push(`no name: ${element.outerHTML}`);
  }
  for (const attribute of ['aria-describedby', 'aria-labelledby', 'for']) {
    for (const element of all(`[${attribute}]`)) {
      for (const id of element.getAttribute(attribute).split(' ')) {
        if (!document.getElementById(id)) problems.push(`${attribute} names no element: ${id}`);
      }
    }
  }
  if (all('h1').length !== 1) problems.push('not exactly one h1');
  if (!document.documentElement.lang) problems.push('no language');
  if (document.documentElement.scrollWidth > window.innerWidth) problems.push('too wide');
  return problems;
}

problemsOfPage();
