// Where the step goes: lines that sum to it.
'use strict';

const hueOfLine = (line) => {
  const words = [
    [/bubble/, 'grey'],
    [/^attention/, 'green'],
    [/GEMM|matri/, 'blue'],
    [/recomput/, 'teal'],
    [/embedding|vocabulary/, 'sky'],
    [/pipeline|transfer/, 'teal'],
    [/straggler|launch|host|fixed/, 'yellow'],
    [/norm|cast|residual/, 'brown'],
    [/gradient|parameter|sync|gather|data/, 'orange'],
    [/tensor|context|expert|exposed/, 'vermillion'],
    [/optimizer/, 'purple'],
    [/offload|copies/, 'yellow'],
  ];
  const found = words.find(([pattern]) => pattern.test(line.name));
  return found ? found[1] : 'grey';
};

const partitionChart = (plan) => {
  const lines = plan.partition.map((line, i) => ({...line, hue: hueOfLine(line), i}));
  return charts.add({
    label: 'The step as one bar, divided into the lines of the table',
    height: 64,
    option: (colors) => ({
      grid: {left: 0, right: 0, top: 4, bottom: 24},
      xAxis: charts.axis(colors, {
        type: 'value',
        max: plan.step_time_s.value,
        splitLine: {show: false},
        axisLabel: {
          formatter: (v) => (v === plan.step_time_s.value ? '' : numbers.show(v, 'duration')),
          alignMinLabel: 'left',
        },
      }),
      yAxis: {type: 'category', data: [''], show: false},
      tooltip: {
        trigger: 'item',
        formatter: ({seriesIndex}) =>
          tip(
            lines[seriesIndex].name,
            numbers.show(lines[seriesIndex].seconds, 'duration') +
              ', ' +
              numbers.show(lines[seriesIndex].share, 'percent'),
            lines[seriesIndex].bound_by && 'bound by ' + chartName(lines[seriesIndex].bound_by, 60),
          ),
      },
      series: lines.map((line) => ({
        type: 'bar',
        stack: 'step',
        barWidth: 34,
        data: [line.seconds],
        itemStyle: {color: colors.of(line.hue), borderColor: colors.raised, borderWidth: 1},
      })),
    }),
  });
};

const certaintyOf = (plan, path, line) => {
  if (!line.leans_on) return '—';
  const i = plan.sensitivities.findIndex((s) => s.path === line.leans_on);
  if (i < 0) return '—';
  const at = path + pointer('sensitivities', i);
  return [str(at + '/kind'), ' ± ', num(at + '/spread', 'percent')];
};

const partitionSection = ({plan, path, extra}) => {
  if (!plan.partition || !plan.partition.length) return null;
  const rounded = valueAt(extra + '/partition');
  const swatch = (line) => {
    const box = el('span', {class: 'swatch', 'aria-hidden': 'true'});
    box.style.background = 'var(--hue-' + hueOfLine(line) + ')';
    return box;
  };
  const time = (i) =>
    rounded
      ? num(extra + pointer('partition', 'lines', i), 'part')
      : num(path + pointer('partition', i, 'seconds'), 'duration');
  const rows = plan.partition.map((line, i) => {
    const at = path + pointer('partition', i);
    return [
      [swatch(line), ' ', str(at + '/name')],
      time(i),
      shareCell(at + '/share', line.share),
      [str(at + '/bound_by'), line.detail && [', ', str(at + '/detail')]],
      certaintyOf(plan, path, line),
    ];
  });
  rows.push({
    class: 'sum',
    cells: [
      'The step',
      rounded ? num(extra + '/partition/sum', 'part') : num(path + '/step_time_s/value', 'duration'),
      null,
      str(path + '/bound'),
      null,
    ],
  });
  const bounds = plan.bounds.map((bound, i) => {
    const at = path + pointer('bounds', i);
    return [str(at + '/name'), num(at + '/seconds', 'duration'), shareCell(at + '/share', bound.share)];
  });
  return {
    id: 'partition',
    title: 'Where the step goes',
    lead: 'Every second of the step belongs to one line; the lines sum to the step.',
    content: [
      partitionChart(plan),
      table(
        'Lines of the step',
        [
          {title: 'Line'},
          {title: 'Time', right: true},
          {title: 'Share', right: true},
          {title: 'Bound by'},
          {title: 'Certainty of its constant'},
        ],
        rows,
      ),
      bounds.length > 0 &&
        disclosure(
          'The same by what bounds it',
          table(
            'What bounds the step',
            [{title: 'Bound by'}, {title: 'Time', right: true}, {title: 'Share', right: true}],
            bounds,
          ),
        ),
    ],
  };
};
