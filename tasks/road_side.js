"use strict";
const SIDE_ZOOM = 16, ARROW_GAP = 110, LEAST_ARROW = 14, BARE_SHARE = 0.6;

/* A line on the screen moved `away` pixels to the right of the way along it, below 0 to the left; bends stay bends. */
function beside(points, away) {
  const normals = points.slice(1).map((point, k) => {
    const step = point.subtract(points[k]), long = Math.hypot(step.x, step.y) || 1;
    return L.point(-step.y / long, step.x / long);
  });
  return points.map((point, k) => {
    const before = normals[Math.max(k - 1, 0)], after = normals[Math.min(k, normals.length - 1)];
    return point.add(before.add(after).multiplyBy(away / Math.max(1 + before.x * after.x + before.y * after.y, 0.5)));
  });
}

/* Arrow heads along a line on the screen, each three points: the first after `first` pixels, then every ARROW_GAP.
   Also how many pixels beyond the end the next one would be. */
function arrowHeads(points, size, first) {
  const heads = [];
  let next = first;
  for (let k = 1; k < points.length; k++) {
    const step = points[k].subtract(points[k - 1]), long = Math.hypot(step.x, step.y);
    for (; long && next <= long; next += ARROW_GAP) {
      const on = step.divideBy(long), aside = L.point(-on.y, on.x), tip = points[k - 1].add(on.multiplyBy(next + size));
      const back = tip.subtract(on.multiplyBy(2 * size));
      heads.push([tip, back.add(aside.multiplyBy(size)), back.subtract(aside.multiplyBy(size))]);
    }
    next -= long;
  }
  return [heads, next];
}

const pixels = (points) => points.slice(1).reduce((sum, point, k) => sum + point.distanceTo(points[k]), 0);

/* Roads whose headings are drawn side by side, with arrows, from where single lanes can be told apart. */
class SidedRoads extends Roads {
  constructor(data, map) {
    super(data, map, () => null);
    this.sides = L.layerGroup().addTo(map);
    map.on("moveend", () => this.drawSides());
    this.drawSides();
  }
  ways(i) { return HEADINGS.map(([heading]) => [heading, this.data.profiles[heading][i]]).filter(([, place]) => place >= 0); }
  width(i) { return super.width(i) * (this.ways(i).length ? 1 : BARE_SHARE); }
  isSided() { return this.map.getZoom() >= SIDE_ZOOM && this.opacity === 1; }
  isTwoWay(i) { return this.data.columns.one_way[i] === "no"; }
  span(i) { return this.isSided() && this.ways(i).length && this.isTwoWay(i) ? 2.2 * this.width(i) + 2 : this.width(i); }
  style(i, zoom) {
    const style = super.style(i, zoom);
    return this.isSided() && this.ways(i).length ? { ...style, color: this.middle, weight: 1 } : style;
  }
  restyle() {
    this.middle = themed("--soft");
    this.wasSided = this.isSided();
    super.restyle();
    this.drawSides();
  }
  rescale() {
    if (this.wasSided !== this.isSided()) this.factor = null;
    super.rescale();
  }
  drawSides() {
    if (!this.sides) return;
    this.sides.clearLayers();
    if (!this.isSided()) return;
    const view = this.map.getBounds().pad(0.1);
    for (let i = 0; i < this.count; i++) if (this.boxes[i].intersects(view)) for (const way of this.ways(i)) this.drawSide(i, ...way);
  }
  drawSide(i, heading, place) {
    const { map } = this, entry = this.view.entries[this.view.sides[place]], width = this.width(i);
    if (this.hidden.has(entry.label)) return;
    const drawn = this.lines[i].getLatLngs().map((place) => map.latLngToLayerPoint(place));
    const along = heading === "forward" ? drawn : drawn.reverse();
    const aside = this.isTwoWay(i) ? (this.data.is_left ? -1 : 1) * (0.6 * width + 1) : 0;
    const line = beside(along, aside), long = pixels(line), back = (points) => points.map((point) => map.layerPointToLatLng(point));
    const paint = { color: colour(entry), interactive: false };
    L.polyline(back(line), { ...paint, weight: width, lineCap: "butt" }).addTo(this.sides);
    if (long < LEAST_ARROW) return;
    const [heads] = arrowHeads(line, width / 2 + 3, Math.min(long, ARROW_GAP) / 2);
    for (const head of heads) L.polygon(back(head), { ...paint, color: themed("--card"), weight: 1, fillColor: colour(entry), fillOpacity: 1 }).addTo(this.sides);
  }
}
