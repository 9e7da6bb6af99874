// Marks that several charts share: an interval as a line with ends, and words of a tooltip.
'use strict';

// A custom series over [category, low, high]; `along` x: intervals lie along the x axis.
const whiskers = (colors, data, along = 'x') => ({
  type: 'custom',
  z: 5,
  silent: true,
  data,
  dimensions: ['place', 'low', 'high'],
  encode: along === 'x' ? {x: [1, 2], y: 0} : {x: 0, y: [1, 2]},
  renderItem: (params, api) => {
    const place = api.value(0);
    const from = api.coord(along === 'x' ? [api.value(1), place] : [place, api.value(1)]);
    const to = api.coord(along === 'x' ? [api.value(2), place] : [place, api.value(2)]);
    const end = 5;
    const across = along === 'x' ? [0, end] : [end, 0];
    const stroke = (a, b) => ({
      type: 'line',
      shape: {x1: a[0], y1: a[1], x2: b[0], y2: b[1]},
      style: {stroke: colors.text, lineWidth: 1.5, opacity: 0.85},
    });
    const cap = (p) => stroke([p[0] - across[0], p[1] - across[1]], [p[0] + across[0], p[1] + across[1]]);
    return {type: 'group', children: [stroke(from, to), cap(from), cap(to)]};
  },
});

// A tooltip: its heading, then a line for each text, or for each [name, number] a row. Text, never HTML.
const tip = (heading, ...lines) =>
  el(
    'div',
    {class: 'tip'},
    el('strong', {}, chartName(heading, 60)),
    lines
      .filter(Boolean)
      .map((line) =>
        Array.isArray(line)
          ? el(
              'div',
              {class: 'pair'},
              el('span', {class: 'quiet'}, chartName(line[0], 40)),
              el('span', {}, line[1]),
            )
          : el('div', {}, line),
      ),
  );

// A vertical or horizontal line across a chart, as a markLine.
const limitLine = (colors, axis, value, text) => ({
  silent: true,
  symbol: 'none',
  animation: false,
  lineStyle: {color: colors.warn, width: 2, type: 'dashed'},
  label: {color: colors.warn, formatter: () => text, position: axis === 'xAxis' ? 'end' : 'insideEndTop'},
  data: [{[axis]: value}],
});
