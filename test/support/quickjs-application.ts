// An application for QuickJS guests: what a small service has in memory once it has started. It depends on nothing but itself, so that the
// same requests get the same answers in every engine; it must never use the clock or chance.

/**
 * Leaves two global functions: `handle(path)` answers a request with the text of a page, `serve(path)` with the number of requests served
 * so far times SERVED_FACTOR plus the length of that page.
 */
export const APPLICATION = `
'use strict';
const escapes = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const escapeText = (text) => String(text).replace(/[&<>"]/g, (character) => escapes[character]);

// Templates are compiled once, to closures: 'Hello {{ name }}' and '{{# items }}...{{/ items }}'.
function compileTemplate(source) {
  const parts = [];
  let rest = source;
  while (rest.length > 0) {
    const start = rest.indexOf('{{');
    if (start < 0) {
      const text = rest;
      parts.push(() => text);
      break;
    }
    if (start > 0) {
      const text = rest.slice(0, start);
      parts.push(() => text);
    }
    const end = rest.indexOf('}}', start);
    const tag = rest.slice(start + 2, end).trim();
    rest = rest.slice(end + 2);
    if (tag.startsWith('#')) {
      const name = tag.slice(1).trim();
      const close = '{{/ ' + name + ' }}';
      const inner = compileTemplate(rest.slice(0, rest.indexOf(close)));
      rest = rest.slice(rest.indexOf(close) + close.length);
      parts.push((scope) => scope[name].map((each) => inner({ ...scope, ...each })).join(''));
    } else {
      parts.push((scope) => escapeText(scope[tag]));
    }
  }
  return (scope) => parts.map((part) => part(scope)).join('');
}

// Routes are kept by their segments; ':id' takes any.
class Router {
  #root = { children: new Map(), parameter: null, handler: null };

  add(pattern, handler) {
    let node = this.#root;
    for (const segment of pattern.split('/').filter(Boolean)) {
      const isParameter = segment.startsWith(':');
      const key = isParameter ? ':' : segment;
      if (!node.children.has(key)) node.children.set(key, { children: new Map(), parameter: null, handler: null });
      node = node.children.get(key);
      if (isParameter) node.parameter = segment.slice(1);
    }
    node.handler = handler;
    return this;
  }

  find(path) {
    const parameters = {};
    let node = this.#root;
    for (const segment of path.split('/').filter(Boolean)) {
      const exact = node.children.get(segment);
      node = exact ?? node.children.get(':');
      if (node === undefined) return null;
      if (exact === undefined) parameters[node.parameter] = segment;
    }
    return node.handler === null ? null : { handler: node.handler, parameters };
  }
}

// A store with an index by category, and its rows made by a generator of numbers of its own.
class Store {
  #rows = new Map();
  #byCategory = new Map();
  #seed = 20_001;

  #next() {
    this.#seed = (this.#seed * 16_807) % 2_147_483_647;
    return this.#seed;
  }

  fill(count) {
    const kinds = ['lamp', 'chair', 'table', 'shelf', 'clock', 'plant', 'stool', 'frame'];
    for (let id = 1; id <= count; id += 1) {
      const category = kinds[this.#next() % kinds.length];
      const row = { id, category, name: category + ' no. ' + id, cents: 100 + (this.#next() % 9_900), tags: [] };
      for (let tag = this.#next() % 4; tag > 0; tag -= 1) row.tags.push('tag-' + (this.#next() % 20));
      this.#rows.set(id, Object.freeze(row));
      if (!this.#byCategory.has(category)) this.#byCategory.set(category, []);
      this.#byCategory.get(category).push(row);
    }
    return this;
  }

  get(id) {
    return this.#rows.get(id) ?? null;
  }

  inCategory(category) {
    return this.#byCategory.get(category) ?? [];
  }

  get totals() {
    return [...this.#byCategory].map(([category, rows]) => ({
      category,
      count: rows.length,
      cents: rows.reduce((sum, { cents }) => sum + cents, 0),
    }));
  }
}

const store = new Store().fill(100);
const templates = {
  item: compileTemplate('<h1>{{ name }}</h1><p>{{ price }}</p><ul>{{# tags }}<li>{{ tag }}</li>{{/ tags }}</ul>'),
  list: compileTemplate('<h1>{{ category }}</h1><ol>{{# rows }}<li>{{ name }}: {{ price }}</li>{{/ rows }}</ol>'),
  totals: compileTemplate('<table>{{# totals }}<tr><td>{{ category }}</td><td>{{ count }}</td></tr>{{/ totals }}</table>'),
};
const price = (cents) => Math.floor(cents / 100) + '.' + String(cents % 100).padStart(2, '0');
const priced = (row) => ({ ...row, price: price(row.cents) });
const recent = [];
let servedCount = 0;

const router = new Router()
  .add('/items/:id', ({ id }) => {
    const row = store.get(Number(id));
    if (row === null) return null;
    return templates.item({ ...priced(row), tags: row.tags.map((tag) => ({ tag })) });
  })
  .add('/categories/:category', ({ category }) => {
    return templates.list({ category, rows: store.inCategory(category).map(priced) });
  })
  .add('/totals', () => templates.totals({ totals: store.totals }));
for (let number = 0; number < 50; number += 1) {
  router.add('/pages/' + number, () => 'page ' + number).add('/pages/' + number + '/:part', ({ part }) => number + part);
}

globalThis.handle = (path) => {
  const found = router.find(path);
  const page = found === null ? null : found.handler(found.parameters);
  recent.push({ path, found: page !== null });
  if (recent.length > 20) recent.shift();
  return page ?? 'nothing at ' + path;
};
globalThis.serve = (path) => {
  const { length } = globalThis.handle(path);
  servedCount += 1;
  return servedCount * 10_000 + length;
};
// What a service does before it is ready: every template and every route has been used once.
for (const path of ['/items/7', '/categories/lamp', '/totals', '/pages/49', '/pages/49/b']) globalThis.handle(path);
`;

/** A page of an answer is shorter than this. */
export const SERVED_FACTOR = 10_000;

/** Requests as scripts, which change the state of the application and come to a number: a short one, and one that renders a list. */
export const SHORT_REQUEST = "serve('/pages/7')";
export const LIST_REQUEST = "serve('/categories/lamp')";
