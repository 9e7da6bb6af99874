// Charts: drawn when they come near the view, again when their width or the theme changes, all for paper.
'use strict';

const charts = (() => {
  const PRINT_WIDTH = 700;
  const FONT = 'Segoe UI, Roboto, Helvetica Neue, Arial, sans-serif';
  const known = new Set();
  const near = new IntersectionObserver(
    (entries) => {
      for (const entry of entries)
        if (entry.isIntersecting && !entry.target.chart.instance) draw(entry.target.chart);
    },
    {rootMargin: '400px'},
  );
  const sizes = new ResizeObserver((entries) => {
    for (const entry of entries) {
      const chart = entry.target.chart;
      if (chart && chart.instance && entry.contentRect.width !== chart.width) draw(chart);
    }
  });

  // What all charts share.
  const base = (colors) => ({
    animation: false,
    textStyle: {fontFamily: FONT, color: colors.text},
    tooltip: {
      // Contents are elements of the page, made from text: see tip().
      renderMode: 'html',
      confine: true,
      transitionDuration: 0,
      backgroundColor: colors.raised,
      borderColor: colors.line,
      borderWidth: 1,
      padding: [8, 12],
      textStyle: {color: colors.text, fontSize: 13},
      extraCssText: 'box-shadow: 0 4px 16px rgb(0 0 0 / 18%); white-space: normal; max-width: 22rem;',
    },
  });

  const axis = (colors, more) => ({
    axisLine: {lineStyle: {color: colors.line}},
    axisTick: {show: false},
    axisLabel: {color: colors.quiet, hideOverlap: true, ...(more && more.axisLabel)},
    splitLine: {lineStyle: {color: colors.line, opacity: 0.6}},
    nameTextStyle: {color: colors.quiet},
    ...Object.fromEntries(Object.entries(more || {}).filter(([key]) => key !== 'axisLabel')),
  });

  // What the sliders that zoom share.
  const slider = (colors) => ({
    showDataShadow: false,
    showDetail: false,
    brushSelect: false,
    moveHandleSize: 0,
    borderColor: colors.line,
    backgroundColor: colors.ground,
    fillerColor: colors.accent + '30',
    handleStyle: {color: colors.accent, borderColor: colors.accent},
  });

  // Ticks at whole GiB (or TiB, MiB), where an axis left alone would count in billions of bytes.
  const memorySteps = (most, parts, least = 0) => {
    const unit = most >= 1e4 * 2 ** 30 ? 2 ** 40 : most >= 2 ** 30 ? 2 ** 30 : 2 ** 20;
    const rough = (most - least) / unit / parts || 1;
    const power = 10 ** Math.floor(Math.log10(rough));
    const factor = [1, 2, 2.5, 5, 10].find((step) => step * power >= rough) || 10;
    const interval = factor * power * unit;
    return {
      interval,
      min: Math.floor(least / interval) * interval,
      max: Math.ceil(most / interval) * interval,
    };
  };

  const draw = (chart, forced) => {
    const width = forced || chart.box.clientWidth;
    if (width <= 0) return;
    const colors = theme.colors();
    if (!chart.instance) {
      chart.box.classList.remove('waiting');
      chart.instance = echarts.init(chart.box, null, {
        renderer: 'canvas',
        width,
        height: chart.height(width),
      });
      if (chart.ready) chart.ready(chart.instance);
    }
    chart.width = width;
    chart.box.style.height = chart.height(width) + 'px';
    chart.instance.resize({width, height: chart.height(width)});
    const option = {...base(colors), ...chart.option(colors, width)};
    option.tooltip = {...base(colors).tooltip, ...option.tooltip};
    option.aria = {enabled: true, decal: {show: false}, label: {description: chart.label}};
    // Merged, so that the zoom stays and a tooltip that is about to come finds its box.
    chart.instance.setOption(option, {replaceMerge: ['series']});
    // The canvas is a picture of which the label tells; the tables beside it have its numbers.
    chart.box.setAttribute('role', 'img');
  };

  // label: what the picture shows, in words. height: pixels, or a function of the width. option: of colours and width.
  const add = ({label, height, option, ready}) => {
    const box = el('div', {class: 'chart waiting', role: 'img', 'aria-label': label});
    const chart = {box, label, option, ready, height: typeof height === 'function' ? height : () => height};
    box.chart = chart;
    box.style.height = chart.height(600) + 'px';
    known.add(chart);
    near.observe(box);
    sizes.observe(box);
    return box;
  };

  const drop = (within) => {
    for (const chart of [...known]) {
      if (!within.contains(chart.box)) continue;
      near.unobserve(chart.box);
      sizes.unobserve(chart.box);
      if (chart.instance) chart.instance.dispose();
      known.delete(chart);
    }
  };

  const redraw = () => {
    for (const chart of known) if (chart.instance) draw(chart);
  };

  const print = (on) => {
    for (const chart of known) draw(chart, on ? PRINT_WIDTH : undefined);
  };

  theme.onChange(redraw);
  // What a chart of horizontal bars starts from: values on top, a name for each bar, a tip for bar i.
  // Signed values lie on both sides of 0.
  const bars = (colors, width, {format, names, wide, signed, value, tipOf}) => ({
    grid: {left: 8, right: 24, top: 26, bottom: 4, containLabel: true},
    xAxis: axis(colors, {
      type: 'value',
      position: 'top',
      splitNumber: width < 520 ? 3 : 6,
      axisLabel: {formatter: (v) => numbers.show(v, format)},
      ...value,
    }),
    yAxis: axis(colors, {
      type: 'category',
      inverse: true,
      splitLine: {show: false},
      data: names.map((name) => chartName(name, width < 520 ? 20 : wide)),
      axisLabel: {color: colors.text, interval: 0},
      ...(signed ? {axisLine: {onZero: false, show: false}} : {}),
    }),
    tooltip: {
      trigger: 'axis',
      axisPointer: {type: 'shadow'},
      formatter: ([item]) => tipOf(item.dataIndex),
    },
  });

  return {
    add,
    drop,
    axis,
    bars,
    slider,
    memorySteps,
    print,
    drawAll: () => known.forEach((chart) => draw(chart)),
  };
})();
