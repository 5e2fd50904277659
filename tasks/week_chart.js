"use strict";
const DAYS = ["Mo", "Tu", "We", "Th", "Fr", "Sa", "Su"], DAY_BINS = 288, WEEK_BINS = 2016, BIN_MIN = 5;
/* How the bins of a profile are shaded by the width that their mean is taken over; 0 minutes is the week. */
const SHADES = [[5, 1, "5 min"], [15, 0.8, "15 min"], [60, 0.62, "the hour"], [300, 0.47, "that hour of like days"],
  [WEEK_BINS * BIN_MIN - 1, 0.34, "that part of like days"], [Infinity, 0.22, "the week"]];
const shadeOf = (minutes) => SHADES.findIndex(([widest]) => (minutes || Infinity) <= widest);
const clock = (bin) => `${String(Math.floor(bin / 12) % 24).padStart(2, "0")}:${String(bin % 12 * BIN_MIN).padStart(2, "0")}`;

function svg(tag, attributes, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/* The run that a bin of the week lies in: [first bin, bins, speed, minutes, observations]. */
function runAt(runs, bin) {
  for (let k = 0, first = 0; k < runs.length; first += runs[k], k += 4) if (bin < first + runs[k]) return [first, ...runs.slice(k, k + 4)];
}

/* A weekly profile as one row of bars for each day. Arrow keys move by 5 minutes and to the rows of other days, PageUp an hour on, PageDown an hour back. */
function weekChart(runs, free, unit, words) {
  const left = 24, high = 24, gap = 3, scale = 1.1, wide = DAY_BINS * scale, bottom = 7 * (high + gap);
  let top = free;
  for (let k = 1; k < runs.length; k += 4) top = Math.max(top, runs[k]);
  top = Math.ceil(top / 10) * 10 || 10;
  const paths = SHADES.map(() => ""), level = (speed) => (high * speed / top).toFixed(1);
  for (let k = 0, first = 0; k < runs.length; first += runs[k], k += 4) {
    if (runs[k + 1] < 0) continue;
    for (let bin = first; bin < first + runs[k];) {
      const day = Math.floor(bin / DAY_BINS), end = Math.min(first + runs[k], (day + 1) * DAY_BINS);
      const x = left + (bin % DAY_BINS) * scale, rise = level(runs[k + 1]);
      paths[shadeOf(runs[k + 2])] += `M${x.toFixed(1)} ${day * (high + gap) + high}v-${rise}h${((end - bin) * scale).toFixed(1)}v${rise}z`;
      bin = end;
    }
  }
  const rows = DAYS.map((day, i) => svg("g", {}, svg("text", { x: 0, y: i * (high + gap) + 16 }, day),
    svg("rect", { class: "row", x: left, y: i * (high + gap), width: wide, height: high })));
  const lines = DAYS.map((_, i) => svg("line", { class: "free", x1: left, x2: left + wide, y1: i * (high + gap) + high - level(free), y2: i * (high + gap) + high - level(free) }));
  const hours = [0, 6, 12, 18, 24].map((hour) => svg("text", { x: left + hour * 12 * scale, y: bottom + 11, "text-anchor": hour ? hour < 24 ? "middle" : "end" : "start" }, `${hour}`));
  const cursor = svg("rect", { class: "cursor", height: high, visibility: "hidden" });
  const chart = svg("svg", { class: "week", viewBox: `0 0 ${left + wide + 1} ${bottom + 14}`, tabindex: 0, role: "slider", "aria-label": `Week, ${words}`, "aria-valuemin": 0, "aria-valuemax": WEEK_BINS - 1, "aria-valuenow": 0 },
    ...rows, ...paths.map((d, i) => svg("path", { class: "bar", d, "fill-opacity": SHADES[i][1] })), ...lines, ...hours, cursor);
  const rest = `Rows are ${top} ${unit} high; dashed: free flow. Point at a time to read it.`;
  const reading = node("p", { className: "reading soft" }, rest);
  let bin = 0;
  function read(wanted) {
    bin = Math.min(Math.max(wanted, 0), WEEK_BINS - 1);
    const [first, bins, speed, minutes, count] = runAt(runs, bin), day = Math.floor(bin / DAY_BINS);
    const from = Math.max(first, day * DAY_BINS), last = first + bins, to = Math.min(last, (day + 1) * DAY_BINS);
    const until = (end) => end % DAY_BINS ? clock(end) : "24:00", span = `${DAYS[day]} ${clock(from)}–${until(to)}`;
    const beyond = from === first && to === last ? ""
      : ` from ${DAYS[Math.floor(first / DAY_BINS)]} ${clock(first)} to ${DAYS[Math.floor((last - 1) / DAY_BINS)]} ${until(last)}`;
    const text = speed < 0 ? `${span}: unknown` : `${span}: ${speed} ${unit}, mean of ${SHADES[shadeOf(minutes)][2]}; ${whole(count)} observed${beyond}`;
    for (const [name, value] of [["x", left + (from % DAY_BINS) * scale], ["y", day * (high + gap)], ["width", (to - from) * scale], ["visibility", "visible"]]) cursor.setAttribute(name, value);
    chart.setAttribute("aria-valuenow", bin);
    chart.setAttribute("aria-valuetext", text);
    reading.textContent = text;
  }
  chart.addEventListener("pointermove", (event) => {
    const box = chart.getBoundingClientRect(), unit = (left + wide + 1) / box.width;
    const minute = ((event.clientX - box.left) * unit - left) / scale, day = Math.floor((event.clientY - box.top) * unit / (high + gap));
    if (minute >= 0 && minute < DAY_BINS && day >= 0 && day < 7) read(day * DAY_BINS + Math.floor(minute));
  });
  const moves = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: DAY_BINS, ArrowUp: -DAY_BINS, PageUp: 12, PageDown: -12 };
  chart.addEventListener("keydown", (event) => {
    if (!(event.key in moves)) return;
    event.preventDefault();
    read(bin + moves[event.key]);
  });
  const used = SHADES.filter((_, i) => paths[i]).map(([, opacity, label]) => {
    const swatch = node("i", { ariaHidden: "true" });
    swatch.style.opacity = opacity;
    return node("span", {}, swatch, label);
  });
  return node("div", {}, chart, node("p", { className: "shades" }, "Mean of:", ...used), reading);
}
