"use strict";
const STEPS_PER_DEGREE = 1e6, REACH = 8, MOST_HITS = 30;
const WIDTH = { motorway: 3.4, trunk: 3, primary: 2.6, secondary: 2.2, tertiary: 1.9, service: 1.1, track: 1.1 };
const dark = matchMedia("(prefers-color-scheme: dark)");
const $ = (id) => document.getElementById(id);

/* A new element. What comes from the data is always text, never markup. */
function node(tag, properties, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children.filter((child) => child !== null && child !== ""));
  return made;
}

async function readData() {
  const packed = Uint8Array.from(atob($("data").textContent), (c) => c.charCodeAt(0));
  const unpacked = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  $("data").remove();
  return new Response(unpacked).json();
}

const length = (metres) => metres < 1000 ? `${Math.round(metres)} m`
  : `${(metres / 1000).toLocaleString("en", { maximumFractionDigits: metres < 1e5 ? 1 : 0 })} km`;
const colour = (entry) => entry.colour[dark.matches ? "dark" : "light"];
const themed = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const zoomFactor = (zoom) => zoom < 11 ? 0.5 : zoom < 13 ? 0.75 : zoom < 15 ? 1.15 : zoom < 17 ? 1.9 : 2.8;

function drawMap(credits, isImperial) {
  const map = L.map("map", { renderer: L.canvas({ padding: 0.3 }), zoomControl: false, maxZoom: 20, zoomSnap: 0.5, wheelPxPerZoomLevel: 90 });
  L.control.zoom({ position: "bottomright" }).addTo(map);
  L.control.scale({ imperial: isImperial, maxWidth: 140 }).addTo(map);
  map.attributionControl.setPrefix(false);
  for (const credit of credits) {
    const shown = node("span", {}, credit.startsWith("©")
      ? node("a", { href: "https://www.openstreetmap.org/copyright", rel: "noreferrer" }, credit) : credit);
    map.attributionControl.addAttribution(shown.innerHTML);
  }
  map.attributionControl.addAttribution("Waysmith, Leaflet");
  return map;
}

/* All segments of the data as lines, coloured by the view in use. `dashes(i, width, zoom)` says how line i is broken;
   zoomFactor has a step at every zoom where its answer may change, so that all is drawn anew. */
class Roads {
  constructor(data, map, dashes) {
    Object.assign(this, { data, map, dashes, view: data.views[0], hidden: new Set(), lines: [], boxes: [], opacity: 1, chosen: -1 });
    this.count = data.counts.length;
    this.marks = L.layerGroup();
    const all = this.readLines();
    if (this.count) map.fitBounds(all, { animate: false, paddingTopLeft: innerWidth > 760 ? [290, 12] : [12, 12], paddingBottomRight: [12, 12] });
    else map.setView([0, 0], 2);
    this.restyle();
    for (const line of this.lines) line.addTo(map);
    this.marks.addTo(map);
    this.factor = zoomFactor(map.getZoom());
    map.on("zoomend", () => this.rescale());
  }
  readLines() {
    const { counts, steps } = this.data, all = L.latLngBounds([]);
    let x = 0, y = 0, step = 0;
    for (let i = 0; i < this.count; i++) {
      const points = [];
      for (let k = 0; k < counts[i]; k++) {
        x += steps[step++];
        y += steps[step++];
        points.push([y / STEPS_PER_DEGREE, x / STEPS_PER_DEGREE]);
      }
      this.lines.push(L.polyline(points, { interactive: false, lineCap: "butt" }));
      this.boxes.push(this.lines[i].getBounds());
      all.extend(this.boxes[i]);
    }
    return all;
  }
  width(i) { return (WIDTH[this.data.columns.class[i]] || 1.5) * zoomFactor(this.map.getZoom()); }
  /* How wide all that is drawn of segment i is. */
  span(i) { return this.width(i); }
  style(i, zoom) {
    const entry = this.view.entries[this.view.codes[i]];
    return { color: colour(entry), weight: this.width(i), dashArray: this.dashes(i, this.width(i), zoom), stroke: !this.hidden.has(entry.label), opacity: this.opacity };
  }
  restyle() {
    const zoom = this.map.getZoom();
    for (let i = 0; i < this.count; i++) this.lines[i].setStyle(this.style(i, zoom));
    if (this.chosen >= 0) this.mark(this.chosen);
  }
  rescale() {
    if (this.factor === zoomFactor(this.map.getZoom())) return;
    this.factor = zoomFactor(this.map.getZoom());
    this.restyle();
  }

  /* The nearest visible segment within reach of a place on the screen, or -1. */
  nearest(point, reach) {
    const { map } = this;
    const around = L.latLngBounds(map.layerPointToLatLng(point.subtract([reach, reach])), map.layerPointToLatLng(point.add([reach, reach])));
    let best = -1, closest = reach;
    for (let i = 0; i < this.count; i++) {
      if (!this.lines[i].options.stroke || !this.boxes[i].intersects(around)) continue;
      const found = this.lines[i].closestLayerPoint(point);
      const distance = found ? Math.max(0, found.distance - this.span(i) / 2) : Infinity;
      if (distance <= closest) [best, closest] = [i, distance];
    }
    return best;
  }

  /* Mark segment i alone, or none at -1. */
  mark(i) {
    this.chosen = i;
    this.marks.clearLayers();
    if (i < 0) return;
    const points = this.lines[i].getLatLngs(), width = this.span(i);
    const line = (color, weight) => L.polyline(points, { color, weight, interactive: false }).addTo(this.marks);
    line(themed("--halo"), width + 8);
    line(themed("--card"), width + 4);
    line(this.lines[i].options.color, width + 1);
    L.circleMarker(points[0], { radius: 5, color: themed("--halo"), fillColor: themed("--card"), fillOpacity: 1, weight: 2, interactive: false }).addTo(this.marks);
  }
}

/* What the cards leave of the map; on a phone the panel lies below and the legend gives way to it. */
function between() {
  if (innerWidth > 760) return { paddingTopLeft: [300, 40], paddingBottomRight: [410, 40] };
  return { paddingTopLeft: [30, 30], paddingBottomRight: [30, innerHeight * 0.5 + 30] };
}

/* Show a box between the cards. */
const travel = (map, box) => map.fitBounds(box, { maxZoom: 17, animate: false, ...between() });

/* Move a place out from below the cards, if it lies there. */
const uncover = (map, place) => map.panInside(place, { animate: false, ...between() });

/* Tell `press(point, reach)` of clicks, and show by the cursor where `isOver(point)` holds. */
function listen(map, press, isOver) {
  const isTouch = matchMedia("(pointer: coarse)").matches;
  map.on("click", (event) => press(event.layerPoint, isTouch ? 2 * REACH : REACH));
  let waiting = false;
  map.on("mousemove", (event) => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      map.getContainer().classList.toggle("is-over-road", isOver(event.layerPoint, REACH));
    });
  });
}

/* The legend of the view in use, and the buttons that change the view. */
function drawLegend(roads) {
  const { data, hidden } = roads;
  const isHidden = (entry) => String(!hidden.has(entry.label));
  function drawEntries() {
    $("entries").replaceChildren(...roads.view.entries.map((entry) => {
      const swatch = node("i", { ariaHidden: "true" });
      swatch.style.color = colour(entry);
      const button = node("button", { type: "button", className: "entry", title: `${entry.segments.toLocaleString("en")} segments; press to hide or show` },
        swatch, node("span", {}, entry.label), node("b", {}, length(entry.metres)));
      button.setAttribute("aria-pressed", isHidden(entry));
      button.onclick = () => {
        if (!hidden.delete(entry.label)) hidden.add(entry.label);
        button.setAttribute("aria-pressed", isHidden(entry));
        roads.restyle();
      };
      return button;
    }));
    if ($("about")) $("about").textContent = roads.view.about;
  }
  data.views.forEach((each, i) => {
    const input = node("input", { type: "radio", name: "view", checked: i === 0 });
    input.onchange = () => { roads.view = each; hidden.clear(); roads.restyle(); drawEntries(); };
    $("views").append(node("label", {}, input, node("span", {}, each.name)));
  });
  dark.addEventListener("change", () => { roads.restyle(); drawEntries(); });
  drawEntries();
  $("total").textContent = roads.count ? `${roads.count.toLocaleString("en")} segments, ${length(data.metres)}` : "No segments";
  if (innerWidth <= 760) $("key").open = false;
}

/* Search for segments by name, number or id; `hint(i)` is said beside the id. */
function searchRoads(columns, hint, choose) {
  const texts = columns.id ? columns.id.map((id, i) => [id, columns.name[i], columns.ref[i]].join("\n").toLowerCase()) : [];
  function find() {
    const wanted = $("search").value.trim().toLowerCase(), hits = [];
    for (let i = 0; wanted && i < texts.length && hits.length < MOST_HITS; i++) if (texts[i].includes(wanted)) hits.push(i);
    $("hits").replaceChildren(...hits.map((i) => {
      const button = node("button", { type: "button" }, node("span", {}, columns.name[i] || columns.ref[i] || "Unnamed road"),
        node("span", { className: "soft" }, `${hint(i)} · ${columns.id[i]}`));
      button.onclick = () => choose(i);
      return node("li", {}, button);
    }));
    if (wanted && !hits.length) $("hits").append(node("li", { className: "soft" }, "Nothing found"));
  }
  $("search").oninput = find;
  $("search").onkeydown = (event) => { if (event.key === "Enter") $("hits").querySelector("button")?.click(); };
}

const closing = (close) => node("button", { id: "close", type: "button", title: "Close (Esc)", ariaLabel: "Close", onclick: close }, "×");
const section = (title, rows, draw) => rows.length ? [node("h3", {}, title), draw(rows)] : [];
const tell = (place) => history.replaceState(null, "", place ? `#${place}` : location.pathname + location.search);

function copyable(text) {
  const code = node("code", {}, text), button = node("button", { type: "button" }, "Copy");
  button.onclick = async () => {
    getSelection().selectAllChildren(code);
    try { await navigator.clipboard.writeText(text); } catch { document.execCommand("copy"); }
    button.textContent = "Copied";
  };
  return node("div", { className: "copy" }, code, button);
}
