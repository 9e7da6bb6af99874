// The document and what the page is made of. Text comes in as text alone: nothing here reads HTML.
'use strict';

const report = JSON.parse(document.getElementById('data').textContent);

// A JSON pointer (RFC 6901) from keys.
const pointer = (...keys) =>
  keys.map((key) => '/' + String(key).replace(/~/g, '~0').replace(/\//g, '~1')).join('');

const valueAt = (path) => {
  let value = report;
  for (const key of path.split('/').slice(1)) {
    if (value === null || value === undefined) return undefined;
    value = value[key.replace(/~1/g, '/').replace(/~0/g, '~')];
  }
  return value;
};

// el('p', {class: 'lead', title: 'x'}, 'text', node, …): children that are null or false are left out.
const el = (tag, attributes, ...children) => {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? '' : value);
  }
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    node.append(child);
  }
  return node;
};

// A number of the document.
const num = (path, format, attributes) =>
  el(
    'span',
    {class: 'n', 'data-path': path, 'data-format': format, ...attributes},
    numbers.show(valueAt(path), format),
  );

// A text of the document; a key of it.
const str = (path, attributes) => {
  const value = valueAt(path);
  return el(
    'span',
    {'data-text': path, dir: 'auto', ...attributes},
    value === null || value === undefined ? '—' : String(value),
  );
};
const keyText = (path) => {
  const key = path
    .slice(path.lastIndexOf('/') + 1)
    .replace(/~1/g, '/')
    .replace(/~0/g, '~');
  return el('span', {'data-key': path, dir: 'auto'}, key);
};

// "68.8 s [59 … 86]".
const predicted = (path, format) => {
  if (!valueAt(path)) return el('span', {class: 'quiet'}, '—');
  const interval = {
    duration: 'interval_duration',
    memory: 'interval_memory',
    percent: 'interval_percent',
    scaled: 'interval_scaled',
    three_digits: 'interval_plain',
  }[format];
  return el(
    'span',
    {class: 'predicted'},
    num(path + '/value', format),
    ' ',
    num(path, interval, {class: 'n quiet'}),
  );
};

const list = (nodes) =>
  el(
    'ul',
    {},
    nodes.map((node) => el('li', {}, node)),
  );

// columns: [{title, right}]; rows: arrays of nodes, or {cells, class}.
const table = (label, columns, rows) => {
  const cell = (column, content, i) =>
    el(
      i === 0 ? 'th' : 'td',
      {class: column.right ? 'right' : null, scope: i === 0 ? 'row' : null},
      content,
    );
  const body = rows.map((row) => {
    const cells = Array.isArray(row) ? row : row.cells;
    return el(
      'tr',
      {class: row.class || null},
      columns.map((column, i) => cell(column, cells[i], i)),
    );
  });
  const head = columns.map((c) => el('th', {scope: 'col', class: c.right ? 'right' : null}, c.title));
  return el(
    'div',
    {class: 'scroll', tabindex: 0, role: 'region', 'aria-label': label},
    el('table', {}, el('thead', {}, el('tr', {}, head)), el('tbody', {}, body)),
  );
};

const disclosure = (summary, ...content) =>
  el('details', {}, el('summary', {}, summary), el('div', {class: 'disclosed'}, content));

// A bar of a share; its number stands beside it.
const bar = (share, kind) => {
  const fill = el('span', {class: 'fill' + (kind ? ' ' + kind : '')});
  fill.style.width = 100 * Math.min(Math.max(share || 0, 0), 1) + '%';
  return el('span', {class: 'bar', 'aria-hidden': 'true'}, fill);
};

// A share as a bar and its number.
const shareCell = (path, share, kind, format = 'percent') =>
  el('span', {class: 'share'}, bar(share, kind), num(path, format));

const badge = (kind, ...text) => el('span', {class: 'badge ' + kind}, text);

// What charts write of a name: one line, not too long.
const chartName = (text, most = 34) => {
  const line = String(text).replace(/[\s\u0000-\u001f\u2028\u2029]+/g, ' ');
  const letters = Array.from(line);
  return letters.length > most ? letters.slice(0, most - 1).join('') + '…' : line;
};

// The plans whose details the page shows: those of the document, or of a search its best.
const detailed = report.plans
  ? {plans: report.plans, path: '/plans'}
  : {plans: (report.page && report.page.detailed) || [], path: '/page/detailed'};
