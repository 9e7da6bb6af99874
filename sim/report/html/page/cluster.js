// The cluster as a map: parts of each kind that differ, links by how busy the plan keeps them.
'use strict';

const partRank = {core: 0, spine: 1, leaf: 2, nic: 3, cpu: 4, pcie_switch: 5, gpu: 6, nvswitch: 7};
const partHue = {
  core: 'brown',
  spine: 'purple',
  leaf: 'vermillion',
  nic: 'orange',
  pcie_switch: 'grey',
  cpu: 'teal',
  gpu: 'blue',
  nvswitch: 'green',
};
const partWords = {
  core: 'core switch',
  spine: 'spine switch',
  leaf: 'leaf switch',
  nic: 'NIC',
  pcie_switch: 'PCIe switch',
  cpu: 'CPU',
  gpu: 'GPU',
  nvswitch: 'NVSwitch',
};
const inNode = new Set(['nic', 'pcie_switch', 'cpu', 'gpu', 'nvswitch']);

// Each rank is a row; what lies in a node stays within its column.
const placeParts = (parts) => {
  const owners = [...new Set(parts.filter((part) => inNode.has(part.kind)).map((part) => part.owner))].sort(
    (a, b) => a - b,
  );
  const ranks = [...new Set(parts.map((part) => partRank[part.kind]))].sort((a, b) => a - b);
  const rows = new Map();
  parts.forEach((part, i) => {
    const key = partRank[part.kind] + (inNode.has(part.kind) ? '/' + part.owner : '');
    rows.set(key, [...(rows.get(key) || []), i]);
  });
  const places = [];
  for (const members of rows.values()) {
    members.forEach((i, place) => {
      const part = parts[i];
      const column = inNode.has(part.kind) ? owners.indexOf(part.owner) : 0;
      const columns = inNode.has(part.kind) ? Math.max(owners.length, 1) : 1;
      const margin = inNode.has(part.kind) ? 0.06 : 0.02;
      const inside = margin + (1 - 2 * margin) * ((place + 0.5) / members.length);
      places[i] = [(column + inside) / columns, ranks.indexOf(partRank[part.kind])];
    });
  }
  return {places, rows: ranks.length};
};

const busyColor = (colors, share) => {
  if (!(share > 0)) return colors.line;
  return share > 0.5
    ? colors.of('vermillion')
    : share > 0.2
      ? colors.of('orange')
      : share > 0.02
        ? colors.of('sky')
        : colors.of('grey');
};

const linkTip = (link, load, parts) =>
  tip(
    parts[link.from].name + ' – ' + parts[link.to].name,
    link.kind +
      ', ' +
      numbers.show(link.bandwidth_bytes_per_s, 'bytes_rate') +
      (link.parallel > 1 ? ' each, ' + numbers.show(link.parallel, 'count') + ' of them' : ''),
    link.stands_for > 1 && 'stands for ' + numbers.show(link.stands_for, 'count') + ' such links',
    link.cause && chartName(link.cause, 60),
    load && 'the busiest of this class: ' + numbers.show(load.share_of_step, 'percent') + ' of the step',
    load && 'carries ' + numbers.show(load.bytes_per_step, 'memory') + ' per step',
  );

const clusterOption = (cluster) => (colors, width) => {
  const {parts, links, loads} = cluster;
  const {places, rows} = placeParts(parts);
  const loadOf = new Map(loads.classes.map((load) => [load.class, load]));
  const widest = Math.max(...links.map((link) => link.bandwidth_bytes_per_s), 1);
  const size = width < 520 ? 9 : 15;
  return {
    grid: {left: 8, right: 8, top: 18, bottom: 18},
    xAxis: {type: 'value', min: 0, max: 1, show: false},
    yAxis: {type: 'value', min: 0, max: Math.max(rows - 1, 1), inverse: true, show: false},
    tooltip: {
      trigger: 'item',
      formatter: ({dataType, data}) => {
        if (dataType === 'edge')
          return linkTip(links[data.index], loadOf.get(links[data.index].class), parts);
        const part = parts[data.index];
        return tip(
          part.name,
          partWords[part.kind] + (part.failed ? ', failed' : ''),
          part.stands_for > 1 && 'stands for ' + numbers.show(part.stands_for, 'count') + ' like it',
        );
      },
    },
    series: [
      {
        type: 'graph',
        coordinateSystem: 'cartesian2d',
        layout: 'none',
        symbolSize: size,
        data: parts.map((part, index) => ({
          index,
          id: String(index),
          value: places[index],
          symbol: part.kind === 'gpu' || part.kind === 'nic' ? 'roundRect' : 'circle',
          itemStyle: {color: part.failed ? colors.warn : colors.of(partHue[part.kind])},
        })),
        links: links.map((link, index) => {
          const load = loadOf.get(link.class);
          const down = link.bandwidth_bytes_per_s <= 0 || link.cause;
          return {
            index,
            source: String(link.from),
            target: String(link.to),
            lineStyle: {
              color: down ? colors.warn : busyColor(colors, load && load.share_of_step),
              type: down ? 'dashed' : 'solid',
              opacity: load ? 0.85 : 0.5,
              width: 0.8 + 3.2 * Math.sqrt(link.bandwidth_bytes_per_s / widest),
            },
          };
        }),
        emphasis: {focus: 'adjacency', lineStyle: {width: 4}},
      },
    ],
  };
};

const loadTable = (cluster, at) =>
  table(
    'Busiest link of each class',
    [
      {title: 'Busiest link of each class'},
      {title: 'Bandwidth', right: true},
      {title: 'Bytes per step', right: true},
      {title: 'Busy', right: true},
      {title: 'Of the step', right: true},
      {title: 'Mostly with'},
    ],
    cluster.loads.classes.map((load, i) => {
      const here = at + pointer('loads', 'classes', i);
      const most = load.flows.reduce(
        (best, flow, f) => (flow.bytes > load.flows[best].bytes ? f : best),
        0,
      );
      return [
        [
          str(here + '/name'),
          ' ',
          el('span', {class: 'quiet'}, str(here + '/from'), load.to && [' → ', str(here + '/to')]),
        ],
        num(here + '/bandwidth_bytes_per_s', 'bytes_rate'),
        num(here + '/bytes_per_step', 'memory'),
        num(here + '/busy_s', 'duration'),
        shareCell(here + '/share_of_step', load.share_of_step, load.share_of_step > 0.5 ? 'bad' : ''),
        load.flows.length
          ? [
              str(here + pointer('flows', most, 'name')),
              ' ',
              num(here + pointer('flows', most, 'share'), 'percent'),
            ]
          : '—',
      ];
    }),
  );

const clusterSection = ({path, extra}) => {
  const cluster = valueAt(extra + '/cluster');
  if (!cluster) return null;
  const at = extra + '/cluster';
  const {rows} = placeParts(cluster.parts);
  const drawn = [...new Set(cluster.parts.map((part) => part.kind))].sort(
    (a, b) => partRank[a] - partRank[b],
  );
  const counts = cluster.kinds.flatMap((kind, i) => [
    i > 0 && ', ',
    num(at + pointer('kinds', i, 'count'), 'count'),
    ' ',
    partWords[kind.kind] +
      (kind.count === 1
        ? ''
        : kind.kind.includes('switch') ||
            kind.kind === 'leaf' ||
            kind.kind === 'spine' ||
            kind.kind === 'core'
          ? 'es'
          : 's'),
  ]);
  return {
    id: 'cluster',
    title: 'Cluster and link loads',
    lead:
      'One part of each kind that differs stands for all like it. Wide lines are fast; warm colours are links that ' +
      'the plan keeps busy for much of the step.',
    content: [
      el('p', {}, str(path + '/cluster/summary'), ': ', counts, '.'),
      charts.add({
        label: 'Map of the cluster from core switches to GPUs, links coloured by load',
        height: (width) => 40 + rows * (width < 520 ? 58 : 76),
        option: clusterOption(cluster),
      }),
      hueLegend(
        drawn.map((kind) => [partHue[kind], partWords[kind]]),
        'Parts',
      ),
      cluster.loads.classes.length > 0 &&
        hueLegend(
          [
            ['vermillion', 'busy over half of the step'],
            ['orange', 'over a fifth'],
            ['sky', 'less'],
            ['grey', 'hardly'],
          ],
          'Links',
        ),
      cluster.loads.cut_off &&
        el('p', {class: 'says bad'}, str(at + '/loads/cut_off'), ' has no way out of its node.'),
      cluster.loads.classes.length > 0
        ? loadTable(cluster, at)
        : el('p', {}, 'The plan sends nothing between GPUs.'),
      cluster.loads.complete ? null : el('p', {class: 'quiet'}, 'Only a part of the nodes was looked at.'),
    ],
  };
};
