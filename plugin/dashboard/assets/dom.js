// Elements from values, and the page changed in place. Text only becomes text: nothing here reads
// HTML, so a name or a message of a container cannot be any.

const svgTags = new Set(['svg', 'g', 'path', 'rect', 'line']);

// h makes an element. Properties that are null or false are left out, children that are, too.
export function h(tag, properties, ...children) {
  const made = svgTags.has(tag) ? document.createElementNS('http://www.w3.org/2000/svg', tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value !== null && value !== undefined && value !== false) made.setAttribute(name, value === true ? '' : value);
  }
  made.append(...children.flat(Infinity).filter((c) => c !== null && c !== undefined && c !== false && c !== ''));
  return made;
}

// words is a text with commands, which stand between backquotes.
export const words = (text) => text.split('`').map((part, i) => (i % 2 ? h('code', null, part) : part));

// show changes the children of an element to those given. What stays is not replaced: the focus,
// what is selected, and what is open remain.
export function show(element, ...children) {
  morphChildren(element, h('div', null, ...children));
}

function morphChildren(old, fresh) {
  let at = old.firstChild;
  for (const child of [...fresh.childNodes]) {
    const match = find(at, child);
    if (!match) {
      old.insertBefore(child, at);
      continue;
    }
    if (match !== at) old.insertBefore(match, at);
    else at = at.nextSibling;
    morph(match, child);
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}

function find(from, child) {
  for (let old = from; old; old = old.nextSibling) {
    if (old.nodeName === child.nodeName && old.dataset?.key === child.dataset?.key) return old;
  }
  return null;
}

function morph(old, fresh) {
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data;
    return;
  }
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name) && !isTheirs(old, name)) old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    if (old.getAttribute(name) !== value && !isTheirs(old, name)) old.setAttribute(name, value);
  }
  morphChildren(old, fresh);
}

// isTheirs says whether an attribute is what the reader has done.
function isTheirs(element, name) {
  return element.nodeName === 'DETAILS' && name === 'open';
}
