"use strict";
// Everything on the page works without this script. It adds the slider that shows and removes
// regions, the cursor on the curves, and values under the pointer.
(() => {
  const data = JSON.parse(document.getElementById("eagle-data").textContent);
  const root = document.querySelector(".eagle");
  const all = (selector, within = root) => [...within.querySelectorAll(selector)];
  const one = (selector) => root.querySelector(selector);
  const { width, height } = data;
  const canvas = one("canvas"), photo = one(".eg-photo");
  const range = one(".eg-range"), readout = one(".eg-readout");
  const live = one("input[value=live]");
  const picks = all("input[name$='-t']"), views = all("input[name$='-v']");
  const curves = all(".eg-curves");
  const LEFT = 34, TOP = 8, WIDE = 318, HIGH = 168;
  let mode = "shown", pixels = null;

  const labelMaps = data.partitions.map((runs) => {
    const labels = new Uint16Array(width * height);
    for (let i = 0, at = 0; i < runs.length; i += 2) {
      labels.fill(runs[i], at, at + runs[i + 1]);
      at += runs[i + 1];
    }
    return labels;
  });
  const ranks = data.targets.map((target) => {
    const rank = new Uint16Array(target.order.length);
    target.order.forEach((region, index) => { rank[region] = index; });
    return rank;
  });
  const chosen = () => picks.findIndex((pick) => pick.checked);
  const percent = (share) => `${Math.round(100 * share)} %`;

  function paint(index, count) {
    const context = canvas.getContext("2d");
    if (!pixels) {
      context.drawImage(photo, 0, 0, width, height);
      pixels = context.getImageData(0, 0, width, height);
    }
    const source = new Uint32Array(pixels.data.buffer);
    const result = context.createImageData(width, height);
    const target = new Uint32Array(result.data.buffer);
    const black = new Uint32Array(new Uint8Array([0, 0, 0, 255]).buffer)[0];
    const labels = labelMaps[data.targets[index].partition], rank = ranks[index];
    for (let i = 0; i < target.length; i += 1) {
      const early = rank[labels[i]] < count;
      target[i] = early === (mode === "shown") ? source[i] : black;
    }
    context.putImageData(result, 0, 0);
  }

  function mark(index, count) {
    const target = data.targets[index], cursor = curves[index].querySelector(".eg-cursor");
    const x = LEFT + WIDE * target.area[count];
    const y = (value) => TOP + HIGH * (1 - value / data.targets[index].top);
    const line = cursor.querySelector("line");
    line.setAttribute("x1", x);
    line.setAttribute("x2", x);
    for (const name of ["shown", "removed"]) {
      const dot = cursor.querySelector(`.eg-at-${name}`);
      dot.setAttribute("cx", x);
      dot.setAttribute("cy", y(target[name][count]));
    }
    cursor.setAttribute("visibility", "visible");
  }

  function say(index, count) {
    const target = data.targets[index];
    readout.textContent =
      `${count} of ${target.order.length} regions ${mode} (${percent(target.area[count])} of ` +
      `the area): probability ${target[mode][count].toFixed(3)}`;
  }

  function update() {
    const index = chosen(), count = Math.min(Number(range.value), data.targets[index].order.length);
    if (live.checked) paint(index, count);
    mark(index, count);
    say(index, count);
  }

  function choose(count) {
    range.value = count;
    live.checked = true;
    update();
  }

  function retarget() {
    range.max = data.targets[chosen()].order.length;
    update();
  }

  range.addEventListener("input", () => choose(Number(range.value)));
  all(".eg-modes button").forEach((button, _, buttons) => {
    button.addEventListener("click", () => {
      mode = button.dataset.mode;
      buttons.forEach((other) => other.setAttribute("aria-pressed", String(other === button)));
      live.checked = true;
      update();
    });
  });
  picks.forEach((pick) => pick.addEventListener("change", retarget));
  views.forEach((view) => view.addEventListener("change", update));
  curves.forEach((curve, index) => {
    curve.addEventListener("pointermove", (event) => {
      const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(
        curve.getScreenCTM().inverse());
      const share = (point.x - LEFT) / WIDE, area = data.targets[index].area;
      let nearest = 0;
      area.forEach((value, at) => {
        if (Math.abs(value - share) < Math.abs(area[nearest] - share)) nearest = at;
      });
      choose(nearest);
    });
  });
  const stage = one(".eg-stage");
  stage.addEventListener("pointermove", (event) => {
    const box = stage.getBoundingClientRect(), index = chosen(), target = data.targets[index];
    const column = Math.floor(width * (event.clientX - box.left) / box.width);
    const row = Math.floor(height * (event.clientY - box.top) / box.height);
    if (column < 0 || row < 0 || column >= width || row >= height) return;
    const region = labelMaps[target.partition][row * width + column];
    readout.textContent =
      `region ${ranks[index][region] + 1} of ${target.order.length} in the order, ` +
      `saliency ${target.saliency[region].toFixed(3)}`;
  });
  stage.addEventListener("pointerleave", update);

  const begin = () => {
    canvas.hidden = false;
    live.disabled = false;
    all(".eg-js").forEach((element) => { element.hidden = false; });
    range.max = data.targets[chosen()].order.length;
    range.value = Math.min(5, Number(range.max));
    update();
  };
  if (photo.complete && photo.naturalWidth) begin();
  else photo.addEventListener("load", begin);
})();
