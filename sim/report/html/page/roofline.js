// Kernels under the roofs of the GPU.
'use strict';

const passHue = {forward: 'blue', backward: 'green', recompute: 'orange', update: 'purple'};

const rooflineOption = (plan, roofs, points) => (colors, width) => {
  const xs = [
    ...points.map(({op}) => op.intensity_flops_per_byte),
    ...roofs.roofs.map((roof) => roof.ridge_flops_per_byte),
  ];
  const low = 10 ** Math.floor(Math.log10(Math.min(...xs)) - 0.6);
  const high = 10 ** Math.ceil(Math.log10(Math.max(...xs)) + 0.1);
  const ys = points.map(({reached}) => reached.flops_per_s);
  const bottom = 10 ** Math.floor(Math.log10(Math.min(...ys, low * roofs.hbm_bytes_per_s)));
  const top = 2.5 * Math.max(...roofs.roofs.map((roof) => roof.flops_per_s));
  const longest = Math.max(...points.map(({op}) => op.seconds));
  const roofLines = roofs.roofs.map((roof) => ({
    type: 'line',
    silent: true,
    symbol: 'none',
    lineStyle: {color: colors.text, width: 1.8},
    z: 1,
    data: [
      [Math.max(low, bottom / roofs.hbm_bytes_per_s), Math.max(low * roofs.hbm_bytes_per_s, bottom)],
      [roof.ridge_flops_per_byte, roof.flops_per_s],
      [high, roof.flops_per_s],
    ],
    endLabel: {
      show: true,
      color: colors.quiet,
      formatter: () => numbers.show(roof.flops_per_s, 'flops_rate'),
      align: 'right',
      verticalAlign: 'bottom',
      offset: [-6, -6],
    },
  }));
  const scatter = Object.keys(passHue).map((pass) => ({
    type: 'scatter',
    name: pass,
    z: 3,
    itemStyle: {color: colors.of(passHue[pass]), opacity: 0.75, borderColor: colors.raised, borderWidth: 1},
    symbolSize: (value) => 7 + 30 * Math.sqrt(value[2] / longest),
    data: points
      .filter(({op}) => op.pass === pass)
      .map((point) => ({
        point,
        value: [point.op.intensity_flops_per_byte, point.reached.flops_per_s, point.op.seconds],
      })),
  }));
  return {
    grid: {left: 8, right: 24, top: 30, bottom: 34, containLabel: true},
    xAxis: charts.axis(colors, {
      type: 'log',
      min: low,
      max: high,
      name: 'FLOP per byte',
      nameLocation: 'middle',
      nameGap: 26,
      axisLabel: {formatter: (v) => numbers.show(v, 'scaled')},
    }),
    yAxis: charts.axis(colors, {
      type: 'log',
      min: bottom,
      max: top,
      axisLabel: {
        formatter: (v) => numbers.show(v, width < 520 ? 'scaled' : 'flops_rate'),
        showMaxLabel: false,
      },
    }),
    tooltip: {
      trigger: 'item',
      formatter: ({data}) => {
        if (!data.point) return '';
        const {op, reached} = data.point;
        return tip(
          op.name,
          op.block + ', ' + op.pass + ', ' + op.kernel,
          numbers.show(op.seconds, 'duration') + ' in ' + numbers.show(op.count, 'count') + ' calls',
          numbers.show(reached.flops_per_s, 'flops_rate') +
            ' at ' +
            numbers.show(op.intensity_flops_per_byte, 'three_digits') +
            ' FLOP/B',
          'roof: ' + op.roof + ', ' + numbers.show(op.roof_fraction, 'percent') + ' of it',
        );
      },
    },
    series: [...roofLines, ...scatter],
  };
};

const rooflineSection = ({plan, path, extra}) => {
  const roofs = valueAt(extra + '/roofs');
  if (!roofs || !plan.ops || !plan.ops.length) return null;
  const at = extra + '/roofs';
  const points = plan.ops
    .map((op, i) => ({op, i, reached: roofs.ops[i]}))
    .filter(({op, reached}) => op.intensity_flops_per_byte > 0 && reached.flops_per_s > 0);
  const order = plan.ops
    .map((_, i) => i)
    .sort((a, b) => plan.ops[b].seconds - plan.ops[a].seconds || a - b);
  const rows = order.map((i) => {
    const here = path + pointer('ops', i);
    return [
      [str(here + '/name'), ' ', el('span', {class: 'quiet'}, str(here + '/block'))],
      str(here + '/pass'),
      num(here + '/seconds', 'duration'),
      num(at + pointer('ops', i, 'flops_per_s'), 'flops_rate'),
      num(at + pointer('ops', i, 'bytes_per_s'), 'bytes_rate'),
      str(here + '/roof'),
      shareCell(here + '/roof_fraction', plan.ops[i].roof_fraction),
    ];
  });
  const chart = points.length > 0 && roofs.roofs.length > 0;
  return {
    id: 'rooflines',
    title: 'Rooflines',
    lead:
      'A point is a kind of kernel on the slowest stage, as large as the time it takes: below the slope the memory ' +
      'bounds it, below the flat roof the tensor cores do.',
    content: [
      el(
        'p',
        {},
        'Memory: ',
        num(at + '/hbm_bytes_per_s', 'bytes_rate'),
        '. ',
        roofs.roofs.flatMap((roof, i) => [
          'Tensor cores: ',
          num(at + pointer('roofs', i, 'flops_per_s'), 'flops_rate'),
          ', the lower roof from ',
          num(at + pointer('roofs', i, 'ridge_flops_per_byte'), 'three_digits'),
          ' FLOP per byte on. ',
        ]),
        'Kernels without matrix products have no place on the chart; the table has them.',
      ),
      chart &&
        charts.add({
          label: 'Rooflines: throughput of each kind of kernel over its arithmetic intensity',
          height: (width) => (width < 520 ? 320 : 420),
          option: rooflineOption(plan, roofs, points),
        }),
      chart &&
        hueLegend(
          Object.entries(passHue)
            .filter(([pass]) => points.some(({op}) => op.pass === pass))
            .map(([pass, hue]) => [hue, pass]),
        ),
      disclosure(
        'Every kind of kernel in numbers',
        table(
          'Kernels',
          [
            {title: 'Kernel'},
            {title: 'Pass'},
            {title: 'Time', right: true},
            {title: 'Computes', right: true},
            {title: 'Moves', right: true},
            {title: 'Roof'},
            {title: 'Of its roof', right: true},
          ],
          rows,
        ),
      ),
    ],
  };
};
