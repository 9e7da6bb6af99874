// Numbers as the text report writes them: sim/report/numbers.cpp says the rules. Every number of the page goes
// through show(), by the name of its format.
'use strict';

const numbers = (() => {
  const NONE = '—';
  const HOUR = 3600;
  const DAY = 24 * HOUR;
  const YEAR = 365.25 * DAY;
  const KIB = 1024;

  const grouped = (text) => {
    const [whole, fraction] = text.split('.');
    const sign = whole.startsWith('-') ? '-' : '';
    const digits = whole.slice(sign.length).replace(/\B(?=(\d{3})+$)/g, ' ');
    return sign + digits + (fraction === undefined ? '' : '.' + fraction);
  };

  // Half away from zero, as std::round.
  const rounded = (value) => Math.sign(value) * Math.round(Math.abs(value));

  // Exact ties go to the even digit, as in C; toFixed alone would round them up.
  const toFixed = (value, decimals) => {
    const twice = Math.abs(value) * 2 ** (decimals + 1);
    if (!Number.isInteger(twice) || twice % 2 !== 1) return value.toFixed(decimals);
    const below = Math.floor(Math.abs(value) * 10 ** decimals);
    return ((Math.sign(value) * (below % 2 === 0 ? below : below + 1)) / 10 ** decimals).toFixed(decimals);
  };

  const fixed = (value, decimals) => {
    if (!Number.isFinite(value)) return NONE;
    const step = 10 ** -decimals;
    let shown = decimals < 0 ? rounded(value / step) * step : value;
    if (Math.abs(shown) < step / 2) shown = 0;
    return grouped(toFixed(shown, Math.max(decimals, 0)));
  };

  const decimalsOf = (value) => {
    const size = Math.abs(value);
    if (!Number.isFinite(size) || size === 0) return 0;
    let decimals = 2 - Math.floor(Math.log10(size));
    if (rounded(size * 10 ** decimals) >= 1000) --decimals;
    return Math.min(Math.max(decimals, -12), 12);
  };

  const timeUnit = (seconds) => {
    const size = Math.abs(seconds);
    if (size >= 2 * YEAR) return [YEAR, 'years'];
    if (size >= 2 * DAY) return [DAY, 'days'];
    if (size >= 2 * HOUR) return [HOUR, 'h'];
    if (size >= 0.9995 || size === 0) return [1, 's'];
    if (size >= 0.9995e-3) return [1e-3, 'ms'];
    return [1e-6, 'µs'];
  };

  const memoryUnit = (bytes) => {
    const size = Math.abs(bytes);
    if (size >= 1e4 * KIB ** 3) return [KIB ** 4, 'TiB'];
    if (size >= 0.9995 * KIB ** 3 || size === 0) return [KIB ** 3, 'GiB'];
    if (size >= 0.9995 * KIB ** 2) return [KIB ** 2, 'MiB'];
    return [KIB, 'KiB'];
  };

  const threeDigits = (value) => {
    if (!Number.isFinite(value)) return NONE;
    if (value === 0) return '0';
    if (Math.abs(value) < 1e-6) return value.toExponential(2).replace(/e-(\d)$/, 'e-0$1');
    const text = fixed(value, decimalsOf(value));
    const whole = Math.abs(value - rounded(value)) < 1e-9 * Math.abs(value);
    return whole && text.includes('.') ? text.slice(0, text.indexOf('.')) : text;
  };

  const scaled = (value) => {
    for (const [factor, suffix] of [
      [1e15, ' P'],
      [1e12, ' T'],
      [1e9, ' G'],
      [1e6, ' M'],
      [1e3, ' k'],
    ]) {
      if (Math.abs(value) >= factor * 0.9995) return threeDigits(value / factor) + suffix;
    }
    return threeDigits(value);
  };
  // "3.35 TB/s": the prefix belongs to the unit.
  const scaledIn = (unit) => (value) => {
    if (!Number.isFinite(value)) return NONE;
    const text = scaled(value);
    return (/ [PTGMk]$/.test(text) ? text : text + ' ') + unit;
  };

  const inUnit = (value, [scale, name]) => fixed(value / scale, decimalsOf(value / scale)) + ' ' + name;
  const duration = (seconds) => (Number.isFinite(seconds) ? inUnit(seconds, timeUnit(seconds)) : NONE);
  const memory = (bytes) => (Number.isFinite(bytes) ? inUnit(bytes, memoryUnit(bytes)) : NONE);

  const percent = (share) => {
    const value = 100 * share;
    if (!Number.isFinite(value)) return NONE;
    if (value === 0) return '0 %';
    const size = Math.abs(value);
    if (size < 0.05) return '<0.1 %';
    return fixed(value, size < 9.95 ? 1 : 0) + ' %';
  };
  const signedPercent = (share) => {
    const text = percent(Math.abs(share));
    if (!Number.isFinite(share) || share === 0 || text.startsWith('<')) return text;
    return (share > 0 ? '+' : '−') + text;
  };
  const signedDuration = (seconds) => {
    const text = duration(Math.abs(seconds));
    if (!Number.isFinite(seconds) || seconds === 0) return text;
    return (seconds > 0 ? '+' : '−') + text;
  };
  const probability = (p) => {
    if (!(p >= 0 && p <= 1)) return NONE;
    if (p > 0.99) return '> 0.99';
    if (p < 0.01) return '< 0.01';
    return fixed(p, 2);
  };

  // "[66 … 80]" in the unit of the value.
  const interval = (unitOf) => (predicted) => {
    if (!Number.isFinite(predicted.value)) return '[' + NONE + ']';
    const [scale] = unitOf(predicted.value);
    const low = predicted.low / scale;
    const high = predicted.high / scale;
    const width = high - low;
    if (!Number.isFinite(width)) return '[' + NONE + ']';
    let decimals = decimalsOf(high);
    if (width > 0) decimals = Math.min(decimals, 1 - Math.floor(Math.log10(width)));
    return '[' + fixed(low, decimals) + ' … ' + fixed(high, decimals) + ']';
  };
  const scaledUnit = (value) => {
    for (const factor of [1e15, 1e12, 1e9, 1e6, 1e3]) {
      if (Math.abs(value) >= factor * 0.9995) return [factor, ''];
    }
    return [1, ''];
  };

  // A part of a rounded partition: {rounded, exact, decimals, unit}.
  const part = ({rounded: shown, exact, decimals, unit}) => {
    if (shown === 0 && exact > 0) return '<' + fixed(10 ** -decimals, decimals) + ' ' + unit;
    return (shown === 0 ? '0' : fixed(shown, decimals)) + ' ' + unit;
  };

  const formats = {
    duration,
    memory,
    percent,
    probability,
    part,
    signed_percent: signedPercent,
    signed_duration: signedDuration,
    three_digits: threeDigits,
    scaled,
    count: (value) => grouped(String(rounded(value))),
    ordinal: (value) => grouped(String(value + 1)),
    factor: (value) => (Number.isFinite(value) ? threeDigits(value) + ' ×' : NONE),
    bytes_rate: scaledIn('B/s'),
    flops_rate: scaledIn('FLOP/s'),
    flops: scaledIn('FLOP'),
    tokens: scaledIn('tokens'),
    text_number: String,
    interval_duration: interval(timeUnit),
    interval_memory: interval(memoryUnit),
    interval_percent: interval(() => [0.01, '']),
    interval_scaled: interval(scaledUnit),
    interval_plain: interval(() => [1, '']),
  };

  // The format of a value by its dimension, as the sensitivities name it.
  const ofDimension = {
    bytes_per_second: 'bytes_rate',
    flops_per_second: 'flops_rate',
    flops: 'flops',
    bytes: 'memory',
    seconds: 'duration',
    share: 'percent',
  };

  const show = (value, format) => {
    if (value === null || value === undefined) return NONE;
    return formats[format](value);
  };

  return {show, ofDimension: (dimension) => ofDimension[dimension] || 'three_digits'};
})();
