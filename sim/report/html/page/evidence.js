// Measured runs near the plan, and how far off the tool is on them.
'use strict';

const evidenceChart = (runs) =>
  charts.add({
    label: 'Predicted against measured of the nearest runs, nearest first',
    height: () => 60 + 28 * runs.length,
    option: (colors, width) => ({
      ...charts.bars(colors, width, {
        format: 'signed_percent',
        names: runs.map((run) => run.model + ', ' + numbers.show(run.gpus, 'count') + ' × ' + run.gpu),
        wide: 48,
        signed: true,
      }),
      tooltip: {
        trigger: 'item',
        formatter: ({dataIndex}) => {
          const run = runs[dataIndex];
          return tip(
            run.model,
            numbers.show(run.gpus, 'count') + ' × ' + chartName(run.gpu) + ', ' + chartName(run.software),
            'predicted ' + numbers.show(run.error, 'signed_percent') + ' against measured',
            'distance ' + numbers.show(run.distance, 'three_digits'),
          );
        },
      },
      series: [
        {
          type: 'scatter',
          symbolSize: 12,
          z: 4,
          itemStyle: {color: colors.of('vermillion')},
          data: runs.map((run, i) => [run.error, i]),
          markLine: {
            silent: true,
            symbol: 'none',
            lineStyle: {color: colors.quiet, type: 'solid'},
            label: {show: false},
            data: [{xAxis: 0}],
          },
        },
      ],
    }),
  });

const evidenceSection = ({plan, path}) => {
  const runs = plan.nearest_evidence;
  if (!runs || !runs.length) return null;
  const rows = runs.map((_, i) => {
    const at = path + pointer('nearest_evidence', i);
    return [
      str(at + '/model'),
      [num(at + '/gpus', 'count'), ' × ', str(at + '/gpu')],
      str(at + '/software'),
      num(at + '/distance', 'three_digits'),
      num(at + '/error', 'signed_percent'),
      [str(at + '/source'), ' ', el('span', {class: 'quiet'}, str(at + '/row_id'))],
    ];
  });
  return {
    id: 'evidence',
    title: 'Nearest evidence',
    lead: 'Measured runs most like this plan, and how far off the tool was on each with its model left out of the fit.',
    content: [
      evidenceChart(runs),
      plan.residual &&
        el(
          'p',
          {},
          'Beside what its constants explain, a prediction of this kind is off by one spread of ',
          num(path + '/residual/lower', 'percent'),
          ' below and ',
          num(path + '/residual/upper', 'percent'),
          ' above.',
          plan.measured_setting === false &&
            ' No measured run has this software on this generation of GPUs, so the interval is wider.',
        ),
      disclosure(
        'The runs in numbers',
        table(
          'Nearest runs',
          [
            {title: 'Model'},
            {title: 'GPUs'},
            {title: 'Software'},
            {title: 'Distance', right: true},
            {title: 'Predicted against measured', right: true},
            {title: 'Source'},
          ],
          rows,
        ),
      ),
    ],
  };
};
