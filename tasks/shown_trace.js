"use strict";
const MOST_DOTS = 3000, UNSURE = 0.5;
function elapsed(ms) {
  const seconds = Math.round(ms / 1000), parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return parts.map((part) => String(part).padStart(2, "0")).join(":");
}

/* A stretch of a line between two fractions of its length, in the order from → to. */
function stretch(line, from, to) {
  const squeeze = Math.cos(line[0].lat * Math.PI / 180), along = [0];
  for (let k = 1; k < line.length; k++) along.push(along[k - 1] + Math.hypot(line[k].lat - line[k - 1].lat, squeeze * (line[k].lng - line[k - 1].lng)));
  const total = along.at(-1), [low, high] = [Math.min(from, to) * total, Math.max(from, to) * total];
  const place = (reach) => {
    const k = Math.max(1, along.findIndex((each) => each >= reach)), end = along[k] >= reach ? k : line.length - 1;
    const share = (reach - along[end - 1]) / (along[end] - along[end - 1] || 1);
    return L.latLng(line[end - 1].lat + share * (line[end].lat - line[end - 1].lat), line[end - 1].lng + share * (line[end].lng - line[end - 1].lng));
  };
  const points = [place(low), ...line.filter((_, k) => along[k] > low && along[k] < high), place(high)];
  return from <= to ? points : points.reverse();
}

/* One trace on the map: its route, its points, and lines to where they were matched. */
class Trace {
  constructor(trace, roads, reasons) {
    Object.assign(this, { ...trace, roads, reasons, shown: L.layerGroup(), hand: L.layerGroup(), at: 0 });
    let x = 0, y = 0;
    this.places = trace.points.time.map((_, k) => L.latLng((y += trace.steps[2 * k + 1]) / STEPS_PER_DEGREE, (x += trace.steps[2 * k]) / STEPS_PER_DEGREE));
    const { segment, enter, leave } = trace.route;
    this.ways = segment.map((i, k) => stretch(roads.lines[i].getLatLngs(), enter[k], leave[k]));
    this.box = L.latLngBounds(this.places);
    this.count = this.places.length;
  }
  target(k) {
    const i = this.points.segment[k], fraction = this.points.fraction[k];
    return i < 0 ? null : stretch(this.roads.lines[i].getLatLngs(), fraction, fraction)[0];
  }
  draw() {
    const { map } = this.roads, view = map.getBounds().pad(0.1), inView = [];
    for (let k = 0; k < this.count; k++) if (view.contains(this.places[k])) inView.push(k);
    const every = Math.ceil(inView.length / MOST_DOTS) || 1;
    const quiet = { interactive: false }, matched = themed("--matched"), lost = themed("--unmatched"), card = themed("--card");
    this.shown.clearLayers();
    L.polyline(this.ways, { ...quiet, color: themed("--route"), weight: 8, opacity: 0.45 }).addTo(this.shown);
    const drawn = inView.filter((k, i) => i % every === 0), targets = drawn.map((k) => this.target(k));
    L.polyline(drawn.flatMap((k, i) => targets[i] ? [[this.places[k], targets[i]]] : []), { ...quiet, color: themed("--link"), weight: 1.2 }).addTo(this.shown);
    drawn.forEach((k, i) => {
      const isSure = this.points.confidence[k] === null || this.points.confidence[k] >= UNSURE;
      const style = targets[i] ? { radius: 4, color: isSure ? card : matched, fillColor: isSure ? matched : card, weight: isSure ? 1 : 2 } : { radius: 5, color: lost, fillColor: card, weight: 2.5 };
      L.circleMarker(this.places[k], { ...quiet, ...style, fillOpacity: 1 }).addTo(this.shown);
    });
    this.drawArrows();
    this.shown.addTo(map);
    this.every = every;
    this.point();
    return every;
  }
  /* Arrows along the route where it is in view. */
  drawArrows() {
    const { map } = this.roads, view = map.getBounds().pad(0.1), paint = { interactive: false, color: themed("--card"), weight: 1.5, fillColor: themed("--route"), fillOpacity: 1 };
    let next = ARROW_GAP / 2;
    for (const way of this.ways) {
      if (!view.intersects(L.latLngBounds(way))) continue;
      const [heads, left] = arrowHeads(way.map((place) => map.latLngToLayerPoint(place)), 7, next);
      for (const head of heads) L.polygon(head.map((point) => map.layerPointToLatLng(point)), paint).addTo(this.shown);
      next = left;
    }
  }
  point() {
    const place = this.places[this.at], target = this.target(this.at), ink = themed("--halo"), quiet = { interactive: false };
    this.hand.clearLayers();
    if (target) {
      L.polyline([place, target], { ...quiet, color: ink, weight: 3 }).addTo(this.hand);
      L.circleMarker(target, { ...quiet, radius: 3, color: ink, fillColor: ink, fillOpacity: 1 }).addTo(this.hand);
    }
    L.circleMarker(place, { ...quiet, radius: 9, color: themed("--card"), weight: 7, fill: false }).addTo(this.hand);
    L.circleMarker(place, { ...quiet, radius: 9, color: ink, weight: 3, fill: false }).addTo(this.hand);
    this.hand.addTo(this.roads.map);
  }
  remove() { this.shown.remove(); this.hand.remove(); }

  /* The nearest point within reach of a place on the screen, or -1. */
  nearest(point, reach) {
    const { map } = this.roads;
    const around = L.latLngBounds(map.layerPointToLatLng(point.subtract([reach, reach])), map.layerPointToLatLng(point.add([reach, reach])));
    let best = -1, closest = reach;
    for (let k = 0; k < this.count; k++) {
      if (!around.contains(this.places[k])) continue;
      const distance = map.latLngToLayerPoint(this.places[k]).distanceTo(point);
      if (distance <= closest) [best, closest] = [k, distance];
    }
    return best;
  }
}

const sign = (radius, stroke, fill, weight) => svg("svg", { width: 18, height: 14, "aria-hidden": "true" }, svg("circle", { cx: 9, cy: 7, r: radius, stroke, fill, "stroke-width": weight }));
const SIGNS = [
  [() => svg("svg", { width: 18, height: 14, "aria-hidden": "true" }, svg("line", { x1: 0, x2: 18, y1: 7, y2: 7, stroke: "var(--route)", "stroke-opacity": 0.45, "stroke-width": 8 }), svg("path", { d: "M5 3L13 7L5 11z", fill: "var(--route)" })), "route, in the direction driven"],
  [() => sign(4, "var(--card)", "var(--matched)", 1), "point, with a line to its matched place"],
  [() => sign(4, "var(--matched)", "var(--card)", 2), "point whose segment is unsure, under 50 %"],
  [() => sign(5, "var(--unmatched)", "var(--card)", 2.5), "point that is on no segment"],
];

/* What is known of point k of a trace. */
function pointFacts(trace, columns, k, chooseRoad) {
  const points = trace.points, at = (name) => points[name][k], i = at("segment");
  const road = i < 0 ? "" : node("button", { type: "button", className: "go", onclick: () => chooseRoad(i) }, roadName(columns, i));
  const matched = i < 0 ? [["Segment", `none: ${(trace.reasons[at("reason")] || "unknown").replaceAll("_", " ")}`]]
    : [["Segment", road], ["Where", `${given(100 * at("fraction"), " %")} along it, driven ${at("backward") ? "backward" : "forward"}`], ["Distance", given(at("distance"), " m")],
      ["Confidence", at("confidence") === null ? "–" : given(100 * at("confidence"), " %")]];
  return facts([["Time", moment(at("time"))], ["Since start", elapsed(at("time") - points.time[0])], ...matched,
    ...[["Device's speed", "speed", ` ${trace.roads.data.unit}`], ["Device's heading", "course", "°"], ["Device's accuracy", "accuracy", " m"]].filter(([, name]) => at(name) !== null).map(([word, name, unit]) => [word, given(at(name), unit)]),
    ...(at("end") ? [["Trip end", "not published"]] : [])]);
}

/* What the side panel holds for a trace; `step(k)` is called when another point is chosen. */
function tracePanel(trace, columns, step, chooseRoad, close) {
  const { points, count } = trace, unmatched = points.segment.flatMap((i, k) => i < 0 ? [k] : []);
  const reasons = new Map();
  for (const k of unmatched) reasons.set(points.reason[k], (reasons.get(points.reason[k]) || 0) + 1);
  const matched = points.distance.filter((distance, k) => points.segment[k] >= 0 && distance !== null).sort((a, b) => a - b);
  const slider = node("input", { id: "step", type: "range", min: 0, max: count - 1, value: trace.at, ariaLabel: "Point of the trace" });
  const button = (words, act) => node("button", { type: "button", onclick: act }, words);
  const back = button("‹ Back", () => go(trace.at - 1)), on = button("Next ›", () => go(trace.at + 1));
  const lost = button("Next unmatched", () => go(unmatched.find((k) => k > trace.at) ?? unmatched[0]));
  const title = node("h3", { ariaLive: "polite" }), told = node("div", { id: "point" });
  function go(k) {
    trace.at = Math.min(Math.max(k, 0), count - 1);
    slider.value = trace.at;
    back.disabled = trace.at === 0;
    on.disabled = trace.at === count - 1;
    lost.disabled = !unmatched.length;
    title.textContent = `Point ${whole(trace.at + 1)} of ${whole(count)}`;
    told.replaceChildren(pointFacts(trace, columns, trace.at, chooseRoad));
    step();
  }
  slider.oninput = () => go(Number(slider.value));
  const why = [...reasons].map(([reason, number]) => `${whole(number)} ${(trace.reasons[reason] || "unknown").replaceAll("_", " ")}`).join(", ");
  const shares = [["From", moment(points.time[0])], ["To", moment(points.time[count - 1])], ["Length", length(trace.metres)],
    ["Matched", `${whole(count - unmatched.length)} of ${whole(count)} points`], ...(why ? [["Unmatched", why]] : []),
    ...(matched.length ? [["Median distance", given(matched[Math.floor(matched.length / 2)], " m")]] : []), ["Segments passed", whole(trace.route.segment.length)]];
  const signs = node("ul", { className: "signs" }, ...SIGNS.map(([draw, words]) => node("li", {}, draw(), words)));
  return { go, slider, nodes: [closing(close), node("h2", {}, "Trace"), node("p", { className: "soft" }, trace.id), facts(shares), signs,
    node("p", { id: "thinned", className: "soft", hidden: true }), title, slider, node("div", { className: "steps" }, back, on, lost), told] };
}
